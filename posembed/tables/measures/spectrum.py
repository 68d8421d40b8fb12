"""In how many directions the rows spread, and how their variance is shared among frequencies and sinusoids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.measures.helix import Helix, helix_fit
from posembed.tables.measures.measure import Line, Measure, Scalar, Selection, SummaryMeasure, TableRows
from posembed.tables.measures.sinusoid_fit import SinusoidFit, sinusoid_fit
from posembed.tables.rows import Floats, centered, centered_to_one

if TYPE_CHECKING:
    from posembed.tables.measures.analysis import TableAnalysis

MOST_VALUES = 512  # singular values and frequencies that are listed
LEAST_ROWS = 4  # of fewer rows the curves over the positions say nothing
_ROUNDING = 1e-12  # singular values below this share of the largest are rounding


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Singular values of the centered rows, and the curves that the rows follow.

    Attributes:
        singular_values: largest first, at most 512 of them.
        effective_rank: see :func:`effective_rank`.
        participation_ratio: see :func:`participation_ratio`.
        power: share of the variance at each frequency; sequences only, at most 512 of them.
        power_frequencies: those frequencies, in cycles a row.
        helix: see :func:`helix_fit`; sequences only.
        sinusoid: how close the table is to sinusoids; sequences only.
    """

    singular_values: tuple[float, ...]
    effective_rank: float
    participation_ratio: float
    power: tuple[float, ...] | None
    power_frequencies: tuple[float, ...] | None
    helix: Helix | None
    sinusoid: SinusoidFit | None


def measure_spectrum(table: NDArray[Any], *, axis: bool = True) -> Spectrum:
    """Compute every measure of this module.

    Args:
        table: ``[rows, d_model]``.
        axis: whether the rows follow one axis; if not, measures along the rows are left out.

    Example:
        >>> spectrum = measure_spectrum(np.eye(4))
        >>> round(spectrum.effective_rank, 6), round(spectrum.participation_ratio, 6)
        (3.0, 3.0)
    """
    rows = np.asarray(table)
    singular = singular_values(table)
    power = frequencies = helix = sinusoid = None
    if axis and len(rows) >= LEAST_ROWS:
        shares = power_spectrum(table)
        if shares is not None:
            power, frequencies = tuple(shares[:MOST_VALUES].tolist()), _frequencies(len(rows))
        helix = helix_fit(table)
        sinusoid = sinusoid_fit(table)
    return Spectrum(
        tuple(singular[:MOST_VALUES].tolist()),
        _entropy_rank(singular),
        _participation(singular),
        power,
        frequencies,
        helix,
        sinusoid,
    )


def singular_values(table: NDArray[Any]) -> Floats:
    """Return the singular values of the centered rows, largest first, ``[min(rows, d_model)]``.

    Example:
        >>> singular_values(np.array([[1.0, 0.0], [-1.0, 0.0]])).round(3).tolist()
        [1.414, 0.0]
    """
    from scipy.linalg import svd

    values: Floats = svd(centered(table), compute_uv=False, check_finite=False)
    return values


def effective_rank(table: NDArray[Any]) -> float:
    """Return ``exp`` of the entropy of the centered table's normalized singular values.

    1 where all rows lie on one line through their mean, up to ``min(rows − 1, d_model)``; 0 for a constant table.

    Source: Roy & Vetterli 2007, The effective rank.

    Example:
        >>> round(effective_rank(np.eye(4)), 6)
        3.0
    """
    return _entropy_rank(singular_values(table))


def participation_ratio(table: NDArray[Any]) -> float:
    """Return in how many directions the variance is shared: ``(Σλ)² / Σλ²`` of the covariance eigenvalues ``λ = σ²``.

    1 for one direction, up to ``min(rows − 1, d_model)`` for equal ones; 0 for a constant table.

    Source: Gao et al. 2017, A theory of multineuronal dimensionality.

    Example:
        >>> round(participation_ratio(np.eye(4)), 6)
        3.0
    """
    return _participation(singular_values(table))


def _entropy_rank(singular: Floats) -> float:
    singular = singular[singular > singular.max(initial=0.0) * _ROUNDING]
    if singular.size == 0:
        return 0.0
    share = singular / singular.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def _participation(singular: Floats) -> float:
    if not singular.size or singular[0] == 0:
        return 0.0
    variance = (singular / singular[0]) ** 2
    return float(variance.sum() ** 2 / (variance**2).sum())


def power_spectrum(table: NDArray[Any]) -> Floats | None:
    """Return the share of the centered table's variance at each frequency over the positions, summing to 1.

    Entry k belongs to ``k / rows`` cycles a row, k = 0 … rows // 2: a smooth table has its power at small k, random
    rows have it everywhere. No window is applied: a step from the last row back to the first leaks into all k.

    Returns:
        ``[rows // 2 + 1]``, or ``None`` for a constant table.

    Example:
        >>> turn = np.arange(8) * 2 * np.pi / 8
        >>> power_spectrum(np.cos(turn)[:, None]).round(6).tolist()
        [0.0, 1.0, 0.0, 0.0, 0.0]
    """
    rows = centered_to_one(table)
    power = (np.abs(np.fft.rfft(rows, axis=0)) ** 2).sum(axis=1)
    twice = np.full(len(power), 2.0)  # each frequency but the first (and the last of an even number) has a mirror image
    twice[0] = 1.0
    if len(rows) % 2 == 0:
        twice[-1] = 1.0
    power = power * twice
    total = power.sum()
    if not total > 0:
        return None
    shares: Floats = power / total
    return shares


def _frequencies(rows: int) -> tuple[float, ...]:
    return tuple((np.arange(min(rows // 2 + 1, MOST_VALUES)) / rows).tolist())


@dataclass(frozen=True, slots=True)
class RankSummary:
    """Effective rank of the positions.

    Attributes:
        effective_rank: see :func:`effective_rank`.
        largest_rank: the largest that the table could have.
    """

    effective_rank: float
    largest_rank: int

    def to_dict(self) -> dict[str, object]:
        """Return both numbers."""
        return {"effective_rank": self.effective_rank, "largest_rank": self.largest_rank}

    def lines(self) -> list[Line]:
        """Return both."""
        return [("effective rank", f"{self.effective_rank:.1f} of at most {self.largest_rank}")]


def _of_rows(table: TableRows) -> RankSummary:
    count, width = table.positions.shape
    return RankSummary(effective_rank(table.positions), min(count - 1, width))


def _of_analysis(analysis: TableAnalysis) -> RankSummary:
    alone = analysis.positions
    return RankSummary(alone.spectrum.effective_rank, min(alone.rows - 1, analysis.d_model))


def _of_selection(selection: Selection) -> Spectrum:
    return measure_spectrum(selection.rows, axis=selection.axis)


SPECTRUM = Measure(
    "spectrum",
    _of_selection,
    (
        Scalar("effective rank", lambda spectrum: spectrum.effective_rank),
        Scalar("participation ratio", lambda spectrum: spectrum.participation_ratio),
        Scalar("R² of a line and a helix on components 1–3", lambda each: each.helix and each.helix.r2, True),
        Scalar("period of that helix (positions)", lambda each: each.helix and each.helix.period, True),
        Scalar("variance that sinusoids explain", lambda each: each.sinusoid and each.sinusoid.explained_share, True),
        Scalar(
            "variance of random rows that they explain",
            lambda each: each.sinusoid and each.sinusoid.explained_share_random,
            True,
        ),
        Scalar(
            "correlation with the sinusoid's cosines", lambda each: each.sinusoid and each.sinusoid.correlation, True
        ),
    ),
)
EFFECTIVE_RANK = SummaryMeasure(_of_rows, _of_analysis)
