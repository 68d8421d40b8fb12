"""A table row by row: norms, roughness, and the cosine to the next row."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.measure import Line, SummaryMeasure, TableRows
from posembed.tables.measures.sparkline import sparkline
from posembed.tables.rows import Floats, as_rows, centered, finite_or_none, require_layout, row_norms, unit_rows

if TYPE_CHECKING:
    from posembed.tables.measures.analysis import TableAnalysis

NORMAL_MAD = 1.482602218505602  # standard deviation of a normal variable over its median absolute deviation


@dataclass(frozen=True, slots=True)
class RowProfile:
    """One entry for each row of the whole table; ``None`` where a measure is not defined.

    Attributes:
        norm: Euclidean norm of the row as it stands.
        norm_z: robust z of the norm among the positions' norms (see :func:`robust_z`).
        roughness: see :func:`roughness`; positions of a sequence only.
        neighbour_cosine: cosine to the next position's row, both centered; positions only, within a row of a grid.
    """

    norm: tuple[float, ...]
    norm_z: tuple[float | None, ...]
    roughness: tuple[float | None, ...]
    neighbour_cosine: tuple[float | None, ...]


def row_profile(table: NDArray[Any], layout: TableLayout) -> RowProfile:
    """Measure every row of a table that ``layout`` describes.

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
        beside = np.append(neighbor_cosines(positions), np.nan)
        if layout.grid is not None:
            beside[layout.grid[1] - 1 :: layout.grid[1]] = np.nan  # the next row of patches is not a neighbor
        cosines[places] = finite_or_none(beside)
    z = finite_or_none(robust_z(norms, norms[places])) if len(positions) else [None] * len(rows)
    return RowProfile(tuple(norms.tolist()), tuple(z), tuple(rough), tuple(cosines))


def robust_z(values: Floats, among: Floats | None = None) -> Floats:
    """Return how many robust standard deviations each value lies from the median: ``(x − median) / (1.4826 · MAD)``.

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
    """Return how far each inner row is from the mean of its neighbors: ``‖p_t − (p_{t−1} + p_{t+1})/2‖ / ‖p_t‖``.

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


def neighbor_cosines(rows: NDArray[Any]) -> Floats:
    """Return the cosine of each centered row with the next, ``[rows − 1]``: about 0 ± 1/√d_model for random rows.

    Example:
        >>> neighbor_cosines(np.array([[1.0], [2.0], [9.0]])).tolist()
        [1.0, -1.0]
    """
    unit = unit_rows(centered(rows))
    cosines: Floats = np.clip(np.einsum("ij,ij->i", unit[:-1], unit[1:]), -1.0, 1.0)
    return cosines


@dataclass(frozen=True, slots=True)
class NormSummary:
    """The norms of all rows.

    Attributes:
        norm: of every row of the table.
        positions: of the positions alone.
    """

    norm: tuple[float, ...]
    positions: tuple[float, ...]

    def to_dict(self) -> dict[str, object]:
        """Return ``norm``."""
        return {"norm": list(self.norm)}

    def lines(self) -> list[Line]:
        """Return their shape, range and median."""
        low, high, middle = min(self.positions), max(self.positions), median(self.positions)
        return [("norms", f"{sparkline(self.positions)}  {low:.3g} to {high:.3g}, median {middle:.3g}")]


@dataclass(frozen=True, slots=True)
class NeighborSummary:
    """How rows stand to their neighbors, on average; both ``None`` for a grid.

    Attributes:
        roughness: median over the positions.
        neighbour_cosine: mean cosine to the next row.
    """

    roughness: float | None
    neighbour_cosine: float | None

    def to_dict(self) -> dict[str, object]:
        """Return both numbers."""
        return {"roughness": self.roughness, "neighbour_cosine": self.neighbour_cosine}

    def lines(self) -> list[Line]:
        """Return both beside what random rows give."""
        if self.roughness is None:
            return []
        cosine = "–" if self.neighbour_cosine is None else f"{self.neighbour_cosine:.3f}"
        return [("roughness", f"{self.roughness:.3f} (random rows 1.22); cosine to the next row {cosine}")]


def _norms(table: TableRows) -> NormSummary:
    return _of_norms(tuple(row_norms(table.rows).tolist()), table.layout)


def _of_norms(norm: tuple[float, ...], layout: TableLayout) -> NormSummary:
    return NormSummary(norm, norm[layout.position_rows])


def _neighbors(table: TableRows) -> NeighborSummary:
    if not len(table.sequence):
        return NeighborSummary(None, None)
    rough, cosines = roughness(table.sequence), neighbor_cosines(table.sequence)
    rough = rough[np.isfinite(rough)]
    return NeighborSummary(
        float(np.median(rough)) if len(rough) else None, float(cosines.mean()) if len(cosines) else None
    )


def _of_profile(analysis: TableAnalysis) -> NeighborSummary:
    if analysis.layout.grid is not None:
        return NeighborSummary(None, None)
    rough, cosines = (
        [value for value in values if value is not None]
        for values in (analysis.profile.roughness, analysis.profile.neighbour_cosine)
    )
    return NeighborSummary(median(rough) if rough else None, fmean(cosines) if cosines else None)


NORMS = SummaryMeasure(_norms, lambda analysis: _of_norms(analysis.profile.norm, analysis.layout))
NEIGHBORS = SummaryMeasure(_neighbors, _of_profile)
