"""A table row by row: norms, and how each row stands to its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.rows import Floats, as_rows, centred, finite_or_none, require_layout, row_norms, unit_rows

NORMAL_MAD = 1.482602218505602  # standard deviation of a normal variable over its median absolute deviation


@dataclass(frozen=True, slots=True)
class RowProfile:
    """One entry for each row of the whole table; ``None`` where a measure is not defined.

    Attributes:
        norm: Euclidean norm of the row as it stands.
        norm_z: robust z of the norm among the positions' norms (see :func:`robust_z`).
        roughness: see :func:`roughness`; positions of a sequence only.
        neighbour_cosine: cosine to the next position's row, both centred; positions only, within a row of a grid.
    """

    norm: tuple[float, ...]
    norm_z: tuple[float | None, ...]
    roughness: tuple[float | None, ...]
    neighbour_cosine: tuple[float | None, ...]


def row_profile(table: NDArray[Any], layout: TableLayout) -> RowProfile:
    """The profile of a table whose rows ``layout`` describes.

    Example:
        >>> profile = row_profile(np.array([[9.0], [1.0], [2.0], [3.0]]), TableLayout(length=3, reserved=1))
        >>> profile.norm, profile.roughness
        ((9.0, 1.0, 2.0, 3.0), (None, None, 0.0, None))
    """
    rows = as_rows(table)
    require_layout(rows, layout)
    places = layout.position_rows
    positions = rows[places]
    norms = row_norms(rows)
    rough: list[float | None] = [None] * len(rows)
    cosines: list[float | None] = [None] * len(rows)
    if layout.grid is None and len(positions):
        rough[places] = finite_or_none(np.concatenate(([np.nan], roughness(positions), [np.nan]))[: len(positions)])
    if len(positions) > 1:
        beside = np.append(neighbour_cosines(positions), np.nan)
        if layout.grid is not None:
            beside[layout.grid[1] - 1 :: layout.grid[1]] = np.nan  # the next row of patches is no neighbour
        cosines[places] = finite_or_none(beside)
    z = finite_or_none(robust_z(norms, norms[places])) if len(positions) else [None] * len(rows)
    return RowProfile(tuple(norms.tolist()), tuple(z), tuple(rough), tuple(cosines))


def robust_z(values: Floats, among: Floats | None = None) -> Floats:
    """How many robust standard deviations each value lies from the median: ``(x − median) / (1.4826 · MAD)``.

    Args:
        values: what is judged, ``[n]``.
        among: the values that set median and MAD; by default ``values`` themselves.

    Returns:
        ``[n]``; 0 for a value equal to the median, NaN for others where more than half of ``among`` are equal.

    Source: Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers.

    Example:
        >>> robust_z(np.array([1.0, 2.0, 3.0, 102.0])).round(1).tolist()
        [-1.0, -0.3, 0.3, 67.1]
    """
    reference = values if among is None else among
    distance = values - np.median(reference)
    spread = NORMAL_MAD * np.median(np.abs(reference - np.median(reference)))
    level = np.where(distance == 0, 0.0, np.nan)
    result: Floats = distance / spread if spread > 0 else level
    return result


def roughness(rows: NDArray[Any]) -> Floats:
    """How far each inner row is from the mean of its two neighbours: ``‖p_t − (p_{t−1} + p_{t+1})/2‖ / ‖p_t‖``.

    0 on a straight line, √1.5 ≈ 1.22 for independent random rows, near 0 for a smooth trained table.

    Returns:
        ``[rows − 2]`` (empty for fewer than 3 rows); NaN where a row is zero.

    Example:
        >>> roughness(np.array([[1.0], [2.0], [3.0], [2.0]])).tolist()
        [0.0, 0.3333333333333333]
    """
    rows = as_rows(rows)
    if len(rows) < 3:
        return np.empty(0)
    bend = row_norms(rows[1:-1] - (rows[:-2] / 2 + rows[2:] / 2))
    size = row_norms(rows[1:-1])
    relative: Floats = np.divide(bend, size, out=np.full(len(bend), np.nan), where=size > 0)
    return relative


def neighbour_cosines(rows: NDArray[Any]) -> Floats:
    """Cosine of each centred row with the next, ``[rows − 1]``: about 0 ± 1/√d_model for random rows.

    Example:
        >>> neighbour_cosines(np.array([[1.0], [2.0], [9.0]])).tolist()
        [1.0, -1.0]
    """
    unit = unit_rows(centred(rows))
    cosines: Floats = np.clip(np.einsum("ij,ij->i", unit[:-1], unit[1:]), -1.0, 1.0)
    return cosines
