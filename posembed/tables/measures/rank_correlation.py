"""Whether near positions have similar rows: the rank correlation of cosines with distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats, centered, require_grid, unit_rows

RANKED_ROWS = 512  # ranks need the pairs themselves: of a table with more rows, every k-th is taken
_EQUAL = 1e-9  # cosines that differ by less are equal but for rounding


def rank_correlation(table: NDArray[Any], grid: tuple[int, int] | None = None) -> float | None:
    """Return Spearman's rank correlation of ``cos(p_i, p_j)`` with ``−|i − j|`` (grid: the Euclidean distance).

    Over all pairs of different rows; of more than 512 rows every k-th is taken. Rows are centered by the whole table.

    Returns:
        −1 to 1, or ``None`` where all cosines are equal, or there are fewer than three rows.

    Source: Spearman 1904, The proof and measurement of association between two things.

    Example:
        >>> rank_correlation(np.arange(12.0)[:, None]) > 0.5
        True
    """
    return ranked_similarity(unit_rows(centered(table)), grid)[0]


def ranked_similarity(unit: Floats, grid: tuple[int, int] | None) -> tuple[float | None, int]:
    """Return the rank correlation of rows that are centered and of norm 1, and k: every k-th row was taken."""
    step = -(-len(unit) // RANKED_ROWS)
    return _spearman(unit[::step], _places(len(unit), grid)[::step]), step


def _places(rows: int, grid: tuple[int, int] | None) -> Floats:
    """Return the coordinates of each row, ``[rows, 2]``."""
    if grid is not None:
        require_grid(rows, grid)
    width = 1 if grid is None else grid[1]
    index = np.arange(rows)
    return np.stack((index // width, index % width), axis=1).astype(np.float64)


def _spearman(unit: Floats, places: Floats) -> float | None:
    """Correlate ranks over pairs of rows (Spearman 1904), ties given their mean rank."""
    if len(unit) < 3:
        return None
    first, second = np.triu_indices(len(unit), 1)
    cosines = (unit @ unit.T)[first, second].round(9)  # equal ones differ by rounding, which must not rank them
    if np.ptp(cosines) <= _EQUAL:  # their ranks would mean nothing
        return None
    nearness = -np.hypot(*(places[first] - places[second]).T)
    return float(np.corrcoef(_mean_ranks(cosines), _mean_ranks(nearness))[0, 1])


def _mean_ranks(values: Floats) -> Floats:
    """Return the ranks of values from 1 on, equal ones their mean rank.

    As ``scipy.stats.rankdata``, whose import takes half a second.

    Example:
        >>> _mean_ranks(np.array([3.0, 1.0, 3.0])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    result: Floats = (last - (counts - 1) / 2)[place]
    return result
