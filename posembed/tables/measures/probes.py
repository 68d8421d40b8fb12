"""Linear probes: can a row's position be read off it, and can two rows be put in order?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.measures.rows import Floats, centred_to_one, require_grid

FOLDS = 5
PENALTY = 0.01  # ridge penalty, as a share of the training rows' mean squared norm over d_model
LEAST_ROWS = 20  # fewer leave nothing to learn from
ORDER_PAIRS = 4000


@dataclass(frozen=True, slots=True)
class PositionProbe:
    """Reading the position off a row by ridge regression.

    Attributes:
        mae: mean absolute error in positions (of a grid: in patches, the mean of its two axes), 5-fold.
        r2: share of the positions' variance that is explained, 5-fold; can be negative.
        holdout_mae: the same error on one contiguous fifth that was left out whole.
        holdout_r2: likewise; the probe must go on from what it saw, so this is far harder.
        holdout: first position of that fifth, and the one after its last.
    """

    mae: float
    r2: float
    holdout_mae: float
    holdout_r2: float
    holdout: tuple[int, int]


@dataclass(frozen=True, slots=True)
class OrderProbe:
    """Telling which of two rows comes first by a linear map of their difference.

    Attributes:
        accuracy: on pairs of positions that were not learned from; 0.5 is guessing.
        pairs: how many pairs were tried.
    """

    accuracy: float
    pairs: int


def position_probe(
    table: NDArray[Any], grid: tuple[int, int] | None = None, *, spacing: int = 1, seed: int = 0
) -> PositionProbe | None:
    """Ridge regression from rows to positions (Hoerl & Kennard 1970), 5-fold with random folds, and one hold-out.

    The penalty is 0.01 of the mean variance of a dimension, times the number of rows. The hold-out is the middle
    fifth of the positions (of a grid: of its rows of patches).

    Args:
        table: ``[rows, d_model]``, a sequence's rows or a grid's in row-major order.
        grid: ``(height, width)`` if the rows are a grid.
        spacing: positions from one of a sequence's rows to the next, where some were left out.
        seed: of the folds.

    Returns:
        ``None`` for fewer than 20 rows or a constant table.

    Example:
        >>> found = position_probe(np.arange(50.0)[:, None])
        >>> found.mae < 0.5, found.holdout
        (True, (20, 30))
    """
    rows = centred_to_one(table)
    if grid is not None:
        require_grid(len(rows), grid)
    if len(rows) < LEAST_ROWS or not rows.any():
        return None
    apart = spacing if grid is None else 1
    place = np.arange(len(rows), dtype=np.float64)[:, None] * apart
    if grid is not None:
        place = np.concatenate((place // grid[1], place % grid[1]), axis=1)
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
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
    """Mean absolute error and R², each the mean over axes that vary."""
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    varies = spread > 0
    if not varies.any():
        return float(np.abs(guessed - true).mean()), 0.0
    error = ((guessed - true) ** 2).sum(axis=0)[varies]
    return float(np.abs(guessed - true)[:, varies].mean()), float((1 - error / spread[varies]).mean())


def order_probe(table: NDArray[Any], *, seed: int = 0) -> OrderProbe | None:
    """Least squares from differences of two rows to their order, tried on positions that it never saw.

    Half of the positions, drawn at random, give 4,000 pairs to learn from, the other half 4,000 to try. Only the
    direction of the map counts, so its penalty is that of the position probe.

    Returns:
        ``None`` for fewer than 20 rows or a constant table.

    Source: the "order" probe of Wang & Chen 2020, What do position embeddings learn?

    Example:
        >>> order_probe(np.arange(50.0)[:, None]).accuracy
        1.0
    """
    rows = centred_to_one(table)
    if len(rows) < LEAST_ROWS or not rows.any():
        return None
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(rows))
    half = len(rows) // 2
    seen, seen_order = _pairs(rows, shuffled[:half], generator)
    new, new_order = _pairs(rows, shuffled[half:], generator)
    score = _ridge(seen, seen_order[:, None], new)[:, 0]
    return OrderProbe(float((np.sign(score) == new_order).mean()), len(new))


def _pairs(rows: Floats, positions: NDArray[np.int64], generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Differences of rows and the signs of their order; each pair both ways, so that neither order is likelier."""
    first = generator.integers(len(positions), size=ORDER_PAIRS // 2)
    second = (first + generator.integers(1, len(positions), size=ORDER_PAIRS // 2)) % len(positions)
    first, second = positions[first], positions[second]
    difference = rows[first] - rows[second]
    order = np.sign(first - second).astype(np.float64)
    return np.concatenate((difference, -difference)), np.concatenate((order, -order))
