"""The method hierarchical: a position is a block of L positions and a place within it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.tables.method import Method
from posembed.tables.methods.kept_rows import keeps_old_rows

Rows = NDArray[Any]
Index = NDArray[np.int64]


def hierarchical(rows: Rows, new: int, *, alpha: float = 0.4) -> Rows:
    """Mix a block's row and a place's row: ``α·u[t ÷ L] + (1 − α)·u[t mod L]``, for N ≤ L²; ``[N, d]``.

    ``u = (P − α·P[0]) / (1 − α)``, so that the first L rows are P, as copies. Two positions whose quotient and
    remainder are swapped differ only if α ≠ 0.5.

    Raises:
        InvalidArgumentError: for α of 0.5 or not between 0 and 1, or N above L².

    Example:
        >>> hierarchical(np.array([[0.0], [1.0]]), 4, alpha=0.25).round(6).ravel().tolist()
        [0.0, 1.0, 0.333333, 1.333333]
    """
    alpha = _checked_alpha(len(rows), new, alpha)
    parts = (rows - alpha * rows[0]) / (1 - alpha)
    high, low = np.divmod(np.arange(len(rows), new), len(rows))
    return np.concatenate((rows, alpha * parts[high] + (1 - alpha) * parts[low]))


def keeps_hierarchical(old: int, new: int, *, alpha: float = 0.4) -> Index:
    """Return the pairs of all old rows, for the lengths and α that :func:`hierarchical` takes."""
    _checked_alpha(old, new, alpha)
    return keeps_old_rows(old, new)


def _checked_alpha(old: int, new: int, alpha: float) -> float:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating):
        raise ArgumentTypeError(f"alpha={alpha!r} must be a number between 0 and 1, such as 0.4")
    if not (math.isfinite(alpha) and 0 < alpha < 1):
        raise InvalidArgumentError(f"alpha={alpha} must lie between 0 and 1, such as 0.4")
    if alpha == 0.5:
        raise InvalidArgumentError(
            "alpha=0.5 gives positions i·L + j and j·L + i the same row; take another, such as 0.4"
        )
    if new > old * old:
        raise InvalidArgumentError(
            f"'hierarchical' reaches at most L² = {old * old} positions from L = {old}, not {new}; "
            "use another method, such as 'linear' or 'tile'"
        )
    return float(alpha)  # a NumPy float64 would widen float32 rows


HIERARCHICAL = Method(
    "hierarchical",
    "sequence",
    "α·u[t ÷ L] + (1 − α)·u[t mod L], u = (P − α·P[0])/(1 − α), N ≤ L²",
    "every old row",
    "Su 2020, kexue.fm/archives/7947",
    hierarchical,
    keeps_hierarchical,
    "longer",
)
