"""How the cosines between rows depend on the distance between their positions.

Sums over pairs are computed without the pairs where that is possible: by Fourier transforms and by d × d products. So
no matrix of rows × rows is made, except by :func:`cosine_matrix`, whose caller asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.measures.measure import Line, Measure, Scalar, Selection, SummaryMeasure
from posembed.tables.measures.rank_correlation import ranked_similarity
from posembed.tables.rows import Floats, centered, require_grid, smaller_product, unit_rows

_NOTHING = 1e-12  # a variance of cosines below this is rounding
_EQUAL = 1e-9  # cosines that differ by less are equal but for rounding
_PLANES = 64  # dimensions transformed at a time: the padded planes are four times as large


@dataclass(frozen=True, slots=True)
class Similarity:
    """How cosines of centered rows depend on distance.

    Attributes:
        toeplitz_r2: share of the cosines' variance that the distance explains; pairs of different rows only.
        monotonicity: share of the steps to the next larger distance over which the mean cosine falls.
        spearman: rank correlation of a pair's cosine with its negative distance.
        by_distance: mean cosine at distance 0, 1, …; for a grid by the rounded Euclidean distance in patches.
        pairs: ``"all"``, or which rows ``spearman`` was taken over.
    """

    toeplitz_r2: float | None
    monotonicity: float | None
    spearman: float | None
    by_distance: tuple[float, ...]
    pairs: str


def cosine_matrix(table: NDArray[Any]) -> Floats:
    """Return the cosine of every pair of centered rows, ``[rows, rows]``; 0 where a centered row is zero.

    Example:
        >>> cosine_matrix(np.array([[1.0, 0.0], [-1.0, 0.0]])).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    unit = unit_rows(centered(table))
    cosines: Floats = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def measure_similarity(table: NDArray[Any], grid: tuple[int, int] | None = None) -> Similarity:
    """Compute every measure of this module, of a sequence's rows or of a whole grid's in row-major order.

    Args:
        table: ``[rows, d_model]``.
        grid: ``(height, width)`` if the rows are a grid.

    Example:
        >>> angle = np.arange(16) * np.pi / 32
        >>> found = measure_similarity(np.stack((np.cos(angle), np.sin(angle)), axis=1))
        >>> found.pairs, round(found.by_distance[0], 6)
        ('all', 1.0)
    """
    unit = unit_rows(centered(table))
    totals, counts = _sums_by_offset(unit, grid or (len(unit), 1))
    spearman, step = ranked_similarity(unit, grid)
    curve = _by_distance(totals, counts)
    return Similarity(
        _toeplitz_r2(unit, totals, counts),
        _monotonicity(curve),
        spearman,
        tuple(curve.tolist()),
        "all" if step == 1 else f"one row in {step}",
    )


def distance_curve(table: NDArray[Any], grid: tuple[int, int] | None = None) -> Floats:
    """Return the mean cosine of centered rows at distance 0, 1, … (rounded for a grid), ``[distances]``.

    Example:
        >>> distance_curve(np.array([[1.0], [-1.0], [1.0], [-1.0]])).round(6).tolist()
        [1.0, -1.0, 1.0, -1.0]
    """
    unit = unit_rows(centered(table))
    return _by_distance(*_sums_by_offset(unit, grid or (len(unit), 1)))


def toeplitz_r2(table: NDArray[Any], grid: tuple[int, int] | None = None) -> float | None:
    """Return the share of the cosines' variance that the distance explains: 1 for a translation-invariant table.

    ``1 − Σ(c_ij − m_|i−j|)² / Σ(c_ij − m)²`` over pairs i < j of centered rows, with ``m_k`` the mean cosine at
    distance k and ``m`` that of all pairs. The diagonal is left out: it is 1 in any table. For a grid the distance is
    the offset (Δrow, Δcolumn), an offset and its opposite being one.

    Returns:
        0 to 1, or ``None`` where there are fewer than three rows or all cosines are equal.

    Source: the measure behind "translation invariance" in Wang et al. 2021 (On Position Embeddings in BERT).

    Example:
        >>> angle = np.arange(40) * 2 * np.pi / 40
        >>> round(toeplitz_r2(np.stack((np.cos(angle), np.sin(angle)), axis=1)), 6)
        1.0
    """
    unit = unit_rows(centered(table))
    return _toeplitz_r2(unit, *_sums_by_offset(unit, grid or (len(unit), 1)))


def monotonicity(table: NDArray[Any], grid: tuple[int, int] | None = None) -> float | None:
    """Return the share of steps from distance k ≥ 1 to k + 1 over which the mean cosine falls: 1 if near is alike.

    Returns:
        0 to 1, or ``None`` where the mean cosine does not depend on distance at all, or there are fewer than 3 rows.

    Example:
        >>> monotonicity(np.arange(12.0)[:, None])
        0.5
    """
    return _monotonicity(distance_curve(table, grid))


def _sums_by_offset(unit: Floats, grid: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the sum of cosines and the number of pairs at each offset, ``[height, 2 · width − 1]`` each.

    Offsets are (Δrow ≥ 0, any Δcolumn). The sum over all pairs at one offset is the rows' autocorrelation, dimension by
    dimension: a Fourier transform.
    """
    from scipy.fft import irfft2, next_fast_len, rfft2

    require_grid(len(unit), grid)
    height, width = grid
    size = (next_fast_len(2 * height - 1, real=True), next_fast_len(2 * width - 1, real=True))
    power: Any = 0.0
    for first in range(0, unit.shape[1], _PLANES):
        planes = unit[:, first : first + _PLANES].T.reshape(-1, height, width)
        power = power + (np.abs(rfft2(planes, size)) ** 2).sum(axis=0)
    sums = irfft2(power, size)
    columns = np.arange(-(width - 1), width)
    totals: Floats = sums[:height][:, columns]
    counts: Floats = np.multiply.outer(height - np.arange(height), width - np.abs(columns)).astype(np.float64)
    return totals, counts


def _halves(totals: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return each offset of two different rows once: Δrow > 0, and of Δrow = 0 those with Δcolumn > 0."""
    middle = totals.shape[1] // 2
    return (
        np.concatenate((totals[1:].ravel(), totals[0, middle + 1 :])),
        np.concatenate((counts[1:].ravel(), counts[0, middle + 1 :])),
    )


def _toeplitz_r2(unit: Floats, totals: Floats, counts: Floats) -> float | None:
    if len(unit) < 3:
        return None
    sums, pairs = _halves(totals, counts)
    number = len(unit) * (len(unit) - 1) / 2
    squares = ((smaller_product(unit) ** 2).sum() - (np.einsum("ij,ij->i", unit, unit) ** 2).sum()) / 2
    mean = sums.sum() / number
    total = squares - number * mean**2
    if total <= _NOTHING * number:
        return None
    between = (sums**2 / pairs).sum() - number * mean**2
    return float(np.clip(between / total, 0.0, 1.0))


def _by_distance(totals: Floats, counts: Floats) -> Floats:
    """Return the mean cosine at each (rounded) distance."""
    width = totals.shape[1] // 2
    rows, columns = np.ogrid[: totals.shape[0], -width : width + 1]
    distance = np.rint(np.hypot(rows, columns)).astype(int).ravel()
    twice = np.where(rows > 0, 2.0, 1.0)  # of Δrow = 0 both Δcolumn and −Δcolumn are listed already
    total, count = (np.bincount(distance, (twice * each).ravel()) for each in (totals, counts))
    curve: Floats = np.clip(total[count > 0] / count[count > 0], -1.0, 1.0)
    return curve


def _monotonicity(curve: Floats) -> float | None:
    """Count over distances 1, 2, …: the step from a row to itself is not evidence."""
    if len(curve) < 3 or np.ptp(curve[1:]) <= _EQUAL:
        return None
    return float((np.diff(curve[1:]) < -_EQUAL).mean())


@dataclass(frozen=True, slots=True)
class InvarianceSummary:
    """Translation invariance of the positions.

    Attributes:
        toeplitz_r2: see :func:`toeplitz_r2`.
    """

    toeplitz_r2: float | None

    def to_dict(self) -> dict[str, object]:
        """Return the number."""
        return {"toeplitz_r2": self.toeplitz_r2}

    def lines(self) -> list[Line]:
        """Return what the distance alone explains."""
        if self.toeplitz_r2 is None:
            return []
        text = f"{self.toeplitz_r2:.1%} of the cosines' variance is explained by distance alone"
        return [("translation invariance", text)]


def _of_selection(selection: Selection) -> Similarity | None:
    if not selection.axis and selection.grid is None:  # a grid with other rows beside it has no distances
        return None
    return measure_similarity(selection.rows, selection.grid)


def _notes(_selection: Selection, similarity: Similarity | None) -> Iterable[str]:
    if similarity is not None and similarity.pairs != "all":
        yield f"the rank correlation is over {similarity.pairs}"


def _of_analysis(similarity: Similarity | None) -> InvarianceSummary:
    return InvarianceSummary(None if similarity is None else similarity.toeplitz_r2)


SIMILARITY = Measure(
    "similarity",
    _of_selection,
    (
        Scalar("translation invariance (Toeplitz R²)", lambda similarity: similarity.toeplitz_r2),
        Scalar("monotonicity of similarity over distance", lambda similarity: similarity.monotonicity),
        Scalar("rank correlation of similarity and nearness", lambda similarity: similarity.spearman),
    ),
    _notes,
)
TRANSLATION_INVARIANCE = SummaryMeasure(
    lambda table: InvarianceSummary(toeplitz_r2(table.positions, table.layout.grid)),
    lambda analysis: _of_analysis(analysis.positions.similarity),
)
