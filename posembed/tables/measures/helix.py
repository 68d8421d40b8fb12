"""The positions on the table's principal components, and how well a line and a circle describe them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats, centered

MOST_TURNS = 32  # of the circle over the table; faster ones are power at high frequencies, which the spectrum shows
LEAST_ROWS = 8  # four functions and a frequency fit fewer rows whatever they hold
_ROUNDING = 1e-12  # components with a smaller share of the largest one's variance


@dataclass(frozen=True, slots=True)
class Helix:
    """How well a line and one circle describe the three principal components over the positions.

    Attributes:
        r2: share of the three components' variance that is explained.
        period: positions to one turn.
        by_component: the share of each component.
    """

    r2: float
    period: float
    by_component: tuple[float, ...]


def main_components(table: NDArray[Any], count: int = 3) -> tuple[Floats, Floats]:
    """Return the centered rows' coordinates on their principal components, and each component's share of the variance.

    Returns:
        ``[rows, k]`` and ``[k]``, k = ``count`` or fewer where the table has fewer directions. A component's sign is
        chosen so that its largest coordinate is positive.
    """
    from scipy.linalg import eigh

    rows = centered(table)
    scale = np.abs(rows).max(initial=0.0)
    if scale == 0:
        return np.empty((len(rows), 0)), np.empty(0)
    rows = rows / scale
    tall = len(rows) >= rows.shape[1]
    inner = rows.T @ rows if tall else rows @ rows.T
    count = min(count, len(inner))
    values, vectors = eigh(inner, subset_by_index=(len(inner) - count, len(inner) - 1), check_finite=False)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    kept = values > values[0] * _ROUNDING
    values, vectors = values[kept], vectors[:, kept]
    coordinates = rows @ vectors if tall else vectors * np.sqrt(values)
    coordinates *= np.sign(coordinates[np.abs(coordinates).argmax(axis=0), np.arange(len(values))])
    return coordinates * scale, values / (rows**2).sum()


def helix_fit(table: NDArray[Any]) -> Helix | None:
    """Fit a line and one circle to the first three principal components: {1, t, cos ωt, sin ωt} with the best ω.

    Components count by their variance. ω is sought among 4 · 32 − 1 values whose periods reach from twice the table to
    a 32nd of it (but never to two rows, where longer ones look the same), so slower or faster helices are not seen.
    GPT-2's table is such a helix.

    Returns:
        ``None`` for fewer than 8 rows or a constant table.

    Source: Yedidia 2023, GPT-2's positional embedding matrix is a helix.

    Example:
        >>> t = np.arange(64)
        >>> helix = np.stack((np.cos(t / 8), np.sin(t / 8), t / 20), axis=1)
        >>> helix_fit(helix).r2 > 0.98
        True
    """
    coordinates, _ = main_components(table)
    rows = len(coordinates)
    if rows < LEAST_ROWS or not coordinates.shape[1]:
        return None
    t = np.arange(rows) - (rows - 1) / 2
    coordinates = coordinates / np.abs(coordinates).max()
    total = (coordinates**2).sum(axis=0)
    best: tuple[float, float, Floats] | None = None
    for turns in np.arange(2, min(4 * MOST_TURNS, 2 * rows - 1) + 1) / 4:
        angle = 2 * np.pi * turns / rows * t
        basis, _ = np.linalg.qr(np.stack((np.ones(rows), t, np.cos(angle), np.sin(angle)), axis=1))
        explained = ((basis.T @ coordinates) ** 2).sum(axis=0)
        share = float(explained.sum() / total.sum())
        if best is None or share > best[0]:
            best = share, rows / turns, explained / total
    assert best is not None
    return Helix(best[0], float(best[1]), tuple(np.minimum(best[2], 1.0).tolist()))
