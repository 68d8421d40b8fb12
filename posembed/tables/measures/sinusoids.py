"""Sinusoids over the positions: what they explain of a table, and how its cosines compare with the fixed encoding's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.tables.formulas import sinusoid_rows
from posembed.tables.rows import Floats, centered, centered_to_one, unit_rows

_NOTHING = 1e-12  # a variance of cosines below this is rounding
_COLLINEAR = 1e-9  # directions with a smaller share of the largest singular value are those of others


def sinusoidal_basis(rows: int, functions: int, *, base: float = 10000.0) -> Floats:
    """Return an orthonormal basis of ``functions`` sinusoids over ``rows`` positions, ``[rows, rank]``, centered.

    Half of them are sines, half cosines, at ``functions / 2`` frequencies ``base^(−2i / functions)``: the columns
    of a sinusoidal encoding of that width. The slowest ones are nearly collinear over few rows, so the rank can be
    below ``functions``.

    Example:
        >>> sinusoidal_basis(64, 8).shape
        (64, 8)
    """
    if functions < 2 or functions % 2:
        raise InvalidArgumentError(f"functions={functions} must be even and at least 2")
    frequencies = base ** (-np.arange(0, functions, 2) / functions)
    angles = np.arange(rows)[:, None] * frequencies
    columns = np.concatenate((np.sin(angles), np.cos(angles)), axis=1)
    left, singular, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    kept: Floats = left[:, singular > singular.max() * _COLLINEAR]
    return kept


def explained_share(table: NDArray[Any], basis: Floats) -> float:
    """Return the share of the centered table's variance in the span of ``basis`` over the positions; NaN if constant.

    Example:
        >>> basis = sinusoidal_basis(64, 8)
        >>> round(explained_share(basis @ np.ones((8, 3)), basis), 6)
        1.0
    """
    rows = centered_to_one(table)
    total = float((rows**2).sum())
    return min(1.0, float(((basis.T @ rows) ** 2).sum()) / total) if total > 0 else float("nan")


def random_share(rows: int, d_model: int, basis: Floats, *, draws: int = 8, seed: int = 0) -> float:
    """Return the mean :func:`explained_share` of ``draws`` normal random tables: what noise alone reaches.

    A basis of rank k explains about ``k / (rows − 1)`` of pure noise, so a full basis proves nothing.

    Example:
        >>> basis = sinusoidal_basis(64, 8)
        >>> 0.08 < random_share(64, 32, basis) < 0.18
        True
    """
    rng = np.random.default_rng(seed)
    shares = [explained_share(rng.standard_normal((rows, d_model)), basis) for _ in range(draws)]
    return float(np.mean(shares))


def sinusoidal_table(rows: int, d_model: int, *, base: float = 10000.0) -> Floats:
    """Return the fixed encoding of Vaswani et al. 2017, sines and cosines interleaved, ``[rows, d_model]``.

    Example:
        >>> sinusoidal_table(2, 4)[0].tolist()
        [0.0, 1.0, 0.0, 1.0]
    """
    return sinusoid_rows(np.arange(rows), d_model, "interleaved", base=base)


def similarity_to_sinusoid(table: NDArray[Any]) -> float | None:
    """Return Pearson's correlation of the table's cosines with those of the sinusoidal encoding of its size.

    Over all pairs of different rows, both tables centered. 1 where both have the same similarity structure, whatever
    the directions in which the rows lie. (Comparing two sets of similarities: Kriegeskorte et al. 2008.)

    Returns:
        ``None`` where either has no variance among its cosines.

    Example:
        >>> round(similarity_to_sinusoid(3 * sinusoidal_table(32, 16)), 6)
        1.0
    """
    ours = unit_rows(centered(table))
    theirs = unit_rows(centered(sinusoidal_table(*ours.shape)))
    number = len(ours) * (len(ours) - 1)
    if number == 0:
        return None
    (own, own_mean), (other, other_mean) = (_squares(ours, number), _squares(theirs, number))
    if min(own, other) <= _NOTHING:
        return None
    # Sums of products of cosines are norms of d × d products: no rows × rows matrix is needed.
    diagonal = (np.einsum("ij,ij->i", ours, ours) * np.einsum("ij,ij->i", theirs, theirs)).sum()
    shared = ((ours.T @ theirs) ** 2).sum() - diagonal
    covariance = shared / number - own_mean * other_mean
    return float(np.clip(covariance / np.sqrt(own * other), -1.0, 1.0))


def _squares(unit: Floats, number: int) -> tuple[float, float]:
    """Return the variance and the mean of the cosines of different rows."""
    lengths = np.einsum("ij,ij->i", unit, unit)
    mean = float(((unit.sum(axis=0) ** 2).sum() - lengths.sum()) / number)
    square = float((((unit.T @ unit) ** 2).sum() - (lengths**2).sum()) / number)
    return square - mean**2, mean
