"""Measures of a position table, each a small function of a plain array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError

Floats = NDArray[np.float64]


def _centred(table: NDArray[Any]) -> Floats:
    rows = np.asarray(table, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise InvalidArgumentError(f"table must be a non-empty [rows, d_model], got shape {list(rows.shape)}")
    if not np.isfinite(rows).all():
        raise InvalidArgumentError("table holds values that are not finite; it cannot be measured")
    shifted = rows - rows[0]  # constant columns become exact zeros, which the mean of 0.1 alone would miss
    centred: Floats = shifted - shifted.mean(axis=0)
    return centred


def cosine_matrix(table: NDArray[Any]) -> Floats:
    """Cosine similarity of every pair of centred rows, ``[rows, rows]``; 0 where a centred row is zero.

    Example:
        >>> cosine_matrix(np.array([[1.0, 0.0], [-1.0, 0.0]])).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    rows = _centred(table)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    cosines: Floats = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def effective_rank(table: NDArray[Any]) -> float:
    """``exp`` of the entropy of the normalised singular values of the centred table (Roy & Vetterli 2007).

    1 where all rows lie on one line through their mean, up to ``min(rows − 1, d_model)``; 0 for a constant table.

    Example:
        >>> round(effective_rank(np.eye(4)), 6)
        3.0
    """
    singular = np.linalg.svd(_centred(table), compute_uv=False)
    singular = singular[singular > singular.max(initial=0.0) * 1e-12]
    if singular.size == 0:
        return 0.0
    share = singular / singular.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def sinusoidal_basis(rows: int, functions: int, *, base: float = 10000.0) -> Floats:
    """Orthonormal basis of ``functions`` sinusoids over ``rows`` positions, ``[rows, rank]``, centred.

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
    kept: Floats = left[:, singular > singular.max() * 1e-9]
    return kept


def explained_share(table: NDArray[Any], basis: Floats) -> float:
    """Share of the centred table's variance that lies in the span of ``basis`` over the positions; NaN if constant.

    Example:
        >>> basis = sinusoidal_basis(64, 8)
        >>> round(explained_share(basis @ np.ones((8, 3)), basis), 6)
        1.0
    """
    rows = _centred(table)
    total = float((rows**2).sum())
    return float(((basis.T @ rows) ** 2).sum()) / total if total > 0 else float("nan")


def random_share(rows: int, d_model: int, basis: Floats, *, draws: int = 8, seed: int = 0) -> float:
    """:func:`explained_share` of normal random rows, the mean of ``draws`` tables: what noise alone reaches.

    A basis of rank k explains about ``k / (rows − 1)`` of pure noise, so a full basis proves nothing.

    Example:
        >>> basis = sinusoidal_basis(64, 8)
        >>> 0.08 < random_share(64, 32, basis) < 0.18
        True
    """
    generator = np.random.default_rng(seed)
    shares = [explained_share(generator.standard_normal((rows, d_model)), basis) for _ in range(draws)]
    return float(np.mean(shares))
