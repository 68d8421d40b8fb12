"""In how many directions the rows spread, and which curves over the positions they follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, svd

from posembed.tables.measures.rows import Floats, centred, centred_to_one
from posembed.tables.measures.sinusoids import (
    explained_share,
    similarity_to_sinusoid,
    sinusoidal_basis,
)

MOST_FUNCTIONS = 128
MOST_VALUES = 512  # singular values and frequencies that are listed
_HELIX_PERIODS = 32  # at most so many turns over the table


@dataclass(frozen=True, slots=True)
class Helix:
    """How well a line and one circle describe the three main components over the positions.

    Attributes:
        r2: share of the three components' variance that is explained.
        period: positions to one turn.
        by_component: the share of each component.
    """

    r2: float
    period: float
    by_component: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SinusoidFit:
    """How close a table is to sinusoids.

    Attributes:
        functions: how many sinusoids the basis has.
        explained_share: share of the table's variance that they explain.
        explained_share_random: what they explain of random rows.
        correlation: of the table's cosines with those of the sinusoidal encoding, over all pairs.
    """

    functions: int
    explained_share: float | None
    explained_share_random: float
    correlation: float | None


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Singular values of the centred rows, and the curves that the rows follow.

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
    """Every measure of this module.

    Args:
        table: ``[rows, d_model]``.
        axis: whether the rows follow one axis; without it, what runs along the rows is left out.

    Example:
        >>> spectrum = measure_spectrum(np.eye(4))
        >>> round(spectrum.effective_rank, 6), round(spectrum.participation_ratio, 6)
        (3.0, 3.0)
    """
    rows = np.asarray(table)
    singular = singular_values(table)
    power = frequencies = helix = sinusoid = None
    if axis and len(rows) >= 4:
        shares = power_spectrum(table)
        if shares is not None:
            power, frequencies = tuple(shares[:MOST_VALUES].tolist()), _frequencies(len(rows))
        helix = helix_fit(table)
        sinusoid = _sinusoid_fit(table)
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
    """Singular values of the centred rows, largest first, ``[min(rows, d_model)]``."""
    values: Floats = svd(centred(table), compute_uv=False, check_finite=False)
    return values


def effective_rank(table: NDArray[Any]) -> float:
    """``exp`` of the entropy of the normalised singular values of the centred table.

    1 where all rows lie on one line through their mean, up to ``min(rows − 1, d_model)``; 0 for a constant table.

    Source: Roy & Vetterli 2007, The effective rank.

    Example:
        >>> round(effective_rank(np.eye(4)), 6)
        3.0
    """
    return _entropy_rank(singular_values(table))


def participation_ratio(table: NDArray[Any]) -> float:
    """``(Σλ)² / Σλ²`` of the centred table's covariance eigenvalues ``λ = σ²``: how many directions share the variance.

    1 for one direction, up to ``min(rows − 1, d_model)`` for equal ones; 0 for a constant table.

    Source: Gao et al. 2017, A theory of multineuronal dimensionality.

    Example:
        >>> round(participation_ratio(np.eye(4)), 6)
        3.0
    """
    return _participation(singular_values(table))


def _entropy_rank(singular: Floats) -> float:
    singular = singular[singular > singular.max(initial=0.0) * 1e-12]
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
    """Share of the centred table's variance at each frequency over the positions, summing to 1.

    Entry k belongs to ``k / rows`` cycles a row, k = 0 … rows // 2: a smooth table has its power at small k, random
    rows have it everywhere. No window is applied: a step from the last row back to the first leaks into all k.

    Returns:
        ``[rows // 2 + 1]``, or ``None`` for a constant table.

    Example:
        >>> turn = np.arange(8) * 2 * np.pi / 8
        >>> power_spectrum(np.cos(turn)[:, None]).round(6).tolist()
        [0.0, 1.0, 0.0, 0.0, 0.0]
    """
    rows = centred_to_one(table)
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


def main_components(table: NDArray[Any], count: int = 3) -> tuple[Floats, Floats]:
    """Coordinates of the centred rows on their main components, and each component's share of the variance.

    Returns:
        ``[rows, k]`` and ``[k]``, k = ``count`` or fewer where the table has fewer directions. A component's sign is
        chosen so that its largest coordinate is positive.
    """
    rows = centred(table)
    scale = np.abs(rows).max(initial=0.0)
    if scale == 0:
        return np.empty((len(rows), 0)), np.empty(0)
    rows = rows / scale
    tall = len(rows) >= rows.shape[1]
    inner = rows.T @ rows if tall else rows @ rows.T
    count = min(count, len(inner))
    values, vectors = eigh(inner, subset_by_index=(len(inner) - count, len(inner) - 1), check_finite=False)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    kept = values > values[0] * 1e-12
    values, vectors = values[kept], vectors[:, kept]
    coordinates = rows @ vectors if tall else vectors * np.sqrt(values)
    coordinates *= np.sign(coordinates[np.abs(coordinates).argmax(axis=0), np.arange(len(values))])
    return coordinates * scale, values / (rows**2).sum()


def helix_fit(table: NDArray[Any]) -> Helix | None:
    """R² of the first three main components on {1, t, cos ωt, sin ωt}, with the one ω that explains most.

    Components count by their variance. ω is sought among 4 · 32 − 1 values whose periods reach from twice the table to
    a 32nd of it (but never to two rows, where
    longer ones look the same), so slower or faster helices are not seen. GPT-2's table is such a helix.

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
    if rows < 8 or not coordinates.shape[1]:
        return None
    t = np.arange(rows) - (rows - 1) / 2
    coordinates = coordinates / np.abs(coordinates).max()
    total = (coordinates**2).sum(axis=0)
    best: tuple[float, float, Floats] | None = None
    for turns in np.arange(2, min(4 * _HELIX_PERIODS, 2 * rows - 1) + 1) / 4:
        angle = 2 * np.pi * turns / rows * t
        basis, _ = np.linalg.qr(np.stack((np.ones(rows), t, np.cos(angle), np.sin(angle)), axis=1))
        explained = ((basis.T @ coordinates) ** 2).sum(axis=0)
        share = float(explained.sum() / total.sum())
        if best is None or share > best[0]:
            best = share, rows / turns, explained / total
    assert best is not None
    return Helix(best[0], float(best[1]), tuple(np.minimum(best[2], 1.0).tolist()))


def _sinusoid_fit(table: NDArray[Any]) -> SinusoidFit:
    rows = len(table)
    functions = min(max(2, rows // 16 * 2), MOST_FUNCTIONS)
    basis = sinusoidal_basis(rows, functions)
    share = explained_share(table, basis)
    return SinusoidFit(
        functions,
        share if np.isfinite(share) else None,
        basis.shape[1] / (rows - 1),  # what a subspace of this rank takes of random rows, on average
        similarity_to_sinusoid(table),
    )
