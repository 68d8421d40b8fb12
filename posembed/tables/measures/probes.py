"""Linear probes: whether a row's position can be read off it, and whether two rows can be put in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.measures.measure import Measure, Scalar, Selection
from posembed.tables.rows import Floats, centered_to_one, require_grid

FOLDS = 5
PENALTY = 0.01  # ridge penalty, as a share of the training rows' mean squared norm over d_model
LEAST_ROWS = 20  # fewer leave nothing to learn from
ORDER_PAIRS = 4000
PROBE_ROWS = 1024  # of a longer sequence the position probe sees every k-th row: its cost grows with their square


@dataclass(frozen=True, slots=True)
class PositionProbe:
    """How well ridge regression reads the position off a row.

    Attributes:
        mae: mean absolute error in positions (of a grid: in patches, the mean of its two axes), 5-fold.
        r2: share of the positions' variance that is explained, 5-fold; can be negative.
        holdout_mae: the same error on one contiguous fifth that was left out whole.
        holdout_r2: likewise; the probe must extrapolate from what it saw, so this is far harder.
        holdout: first position of that fifth, and the one after its last.
    """

    mae: float
    r2: float
    holdout_mae: float
    holdout_r2: float
    holdout: tuple[int, int]


@dataclass(frozen=True, slots=True)
class OrderProbe:
    """How well a linear map of two rows' difference shows which of them comes first.

    Attributes:
        accuracy: on pairs of positions that the map was not fitted on; 0.5 is guessing.
        pairs: number of those pairs.
    """

    accuracy: float
    pairs: int


def position_probe(
    table: NDArray[Any], grid: tuple[int, int] | None = None, *, spacing: int = 1, seed: int = 0
) -> PositionProbe | None:
    """Regress positions on rows (ridge, Hoerl & Kennard 1970), 5-fold with random folds, and with one hold-out.

    The penalty is 0.01 of the mean variance of a dimension, times the number of rows. The hold-out is the middle
    fifth of the positions (of a grid: of its rows of patches).

    Args:
        table: ``[rows, d_model]``, a sequence's rows or a grid's in row-major order.
        grid: ``(height, width)`` if the rows are a grid.
        spacing: positions from one of a sequence's rows to the next, where some were left out.
        seed: random seed of the folds.

    Returns:
        ``None`` for fewer than 20 rows or a constant table.

    Example:
        >>> found = position_probe(np.arange(50.0)[:, None])
        >>> found.mae < 0.5, found.holdout
        (True, (20, 30))
    """
    rows = centered_to_one(table)
    if grid is not None:
        require_grid(len(rows), grid)
    if len(rows) < LEAST_ROWS or not rows.any():
        return None
    apart = spacing if grid is None else 1
    place = np.arange(len(rows), dtype=np.float64)[:, None] * apart
    if grid is not None:
        place = np.concatenate((place // grid[1], place % grid[1]), axis=1)
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS  # as many rows in each as possible
    guessed = np.empty_like(place)
    for number in range(FOLDS):
        left_out = fold == number
        guessed[left_out] = _ridge(rows[~left_out], place[~left_out], rows[left_out])
    left, right = _middle(len(rows), grid)
    away = np.ones(len(rows), dtype=bool)
    away[left:right] = False
    held = _ridge(rows[away], place[away], rows[left:right])
    return PositionProbe(*_scores(guessed, place), *_scores(held, place[left:right]), (left * apart, right * apart))


def _middle(rows: int, grid: tuple[int, int] | None) -> tuple[int, int]:
    count, unit = (rows, 1) if grid is None else grid
    if count < FOLDS:  # a grid of few rows: single patches then
        count, unit = rows, 1
    left = count * 2 // FOLDS
    return left * unit, (left + max(1, count // FOLDS)) * unit


def _ridge(known: Floats, values: Floats, asked: Floats) -> Floats:
    mean, level = known.mean(axis=0), values.mean(axis=0)
    rows = known - mean
    inner = rows.T @ rows if rows.shape[1] <= len(rows) else rows @ rows.T
    penalty = PENALTY * (rows**2).sum() / rows.shape[1]
    if not penalty > 0:
        return np.broadcast_to(level, (len(asked), values.shape[1]))
    inner[np.diag_indices(len(inner))] += penalty
    if rows.shape[1] <= len(rows):
        weights = np.linalg.solve(inner, rows.T @ (values - level))
    else:
        weights = rows.T @ np.linalg.solve(inner, values - level)
    guessed: Floats = (asked - mean) @ weights + level
    return guessed


def _scores(guessed: Floats, true: Floats) -> tuple[float, float]:
    """Return the mean absolute error and R², each the mean over axes that vary."""
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    varies = spread > 0
    if not varies.any():
        return float(np.abs(guessed - true).mean()), 0.0
    error = ((guessed - true) ** 2).sum(axis=0)[varies]
    return float(np.abs(guessed - true)[:, varies].mean()), float((1 - error / spread[varies]).mean())


def order_probe(table: NDArray[Any], *, seed: int = 0) -> OrderProbe | None:
    """Fit a linear map from differences of two rows to their order, and try it on positions that it never saw.

    A random half of the positions gives 4,000 pairs to fit, the other half 4,000 to try. Only the direction of the map
    counts, so its penalty is that of the position probe.

    Returns:
        ``None`` for fewer than 20 rows or a constant table.

    Source: the "order" probe of Wang & Chen 2020, What do position embeddings learn?

    Example:
        >>> order_probe(np.arange(50.0)[:, None]).accuracy
        1.0
    """
    rows = centered_to_one(table)
    if len(rows) < LEAST_ROWS or not rows.any():
        return None
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(rows))
    half = len(rows) // 2
    seen, seen_order = _pairs(rows, shuffled[:half], rng)
    new, new_order = _pairs(rows, shuffled[half:], rng)
    score = _ridge(seen, seen_order[:, None], new)[:, 0]
    return OrderProbe(float((np.sign(score) == new_order).mean()), len(new))


def _pairs(rows: Floats, positions: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return differences of rows and the signs of their order; each pair both ways, so neither order is likelier."""
    first = rng.integers(len(positions), size=ORDER_PAIRS // 2)
    second = (first + rng.integers(1, len(positions), size=ORDER_PAIRS // 2)) % len(positions)
    first, second = positions[first], positions[second]
    difference = rows[first] - rows[second]
    order = np.sign(first - second).astype(np.float64)
    return np.concatenate((difference, -difference)), np.concatenate((order, -order))


def _spacing(selection: Selection) -> int:
    return -(-len(selection.rows) // PROBE_ROWS) if selection.grid is None else 1


def _position(selection: Selection) -> PositionProbe | None:
    if not selection.axis and selection.grid is None:  # a grid with other rows beside it: no one axis, no two
        return None
    step = _spacing(selection)
    return position_probe(selection.rows[::step], selection.grid, spacing=step)


def _order(selection: Selection) -> OrderProbe | None:
    return order_probe(selection.rows) if selection.axis else None


def _notes(selection: Selection, probe: PositionProbe | None) -> Iterable[str]:
    if probe is not None and _spacing(selection) > 1:
        yield f"the position probe saw one row in {_spacing(selection)}"
    if probe is None and (selection.axis or selection.grid is not None):
        yield f"no probes, which need {LEAST_ROWS} rows that are not all equal"


POSITION_PROBE = Measure(
    "position_probe",
    _position,
    (
        Scalar("position probe: mean absolute error (5-fold)", lambda probe: probe.mae),
        Scalar("position probe: R² (5-fold)", lambda probe: probe.r2),
        Scalar("position probe: error on a held-out stretch", lambda probe: probe.holdout_mae),
        Scalar("position probe: R² on a held-out stretch", lambda probe: probe.holdout_r2),
    ),
    _notes,
)
ORDER_PROBE = Measure("order_probe", _order, (Scalar("order probe: accuracy", lambda probe: probe.accuracy),))
