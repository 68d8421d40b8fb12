"""Methods that put the new rows on a curve through the old ones: linear and cubic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.method import Method
from posembed.tables.methods.sources import LONGEMBED

Rows = NDArray[Any]
Index = NDArray[np.int64]


def _steps(old: int, new: int, first: int | None = None) -> tuple[Index, Index]:
    """Return the points ``t · (old − 1) / (new − 1)`` in whole numbers: the row below, and the rest over ``new − 1``.

    With ``first``, only that many points.
    """
    count = new if first is None else min(first, new)
    below, rest = np.divmod(np.arange(count, dtype=np.int64) * (old - 1), max(new - 1, 1))
    return below, rest


def linear(rows: Rows, new: int, first: int | None = None) -> Rows:
    """Interpolate at the points ``t · (L − 1) / (N − 1)``, linearly between the two neighbors; ``[N, d]``.

    Points that are whole numbers are copies of their row. With ``first``, return only that many rows.

    Example:
        >>> linear(np.array([[0.0], [2.0]]), 3).ravel().tolist()
        [0.0, 1.0, 2.0]
    """
    below, rest = _steps(len(rows), new, first)
    weight = (rest / max(new - 1, 1)).astype(rows.dtype)[:, None]
    grown: Rows = rows[below] * (1 - weight)
    above = rows[np.minimum(below + 1, len(rows) - 1)]
    above *= weight  # in place, here and below: the table is most of the memory that an extension takes
    grown += above
    exact = rest == 0
    grown[exact] = rows[below[exact]]
    return grown


def cubic(rows: Rows, new: int, first: int | None = None) -> Rows:
    """Interpolate at the points of :func:`linear` by a cubic spline through each dimension; ``[N, d]``.

    End condition: not-a-knot (the first two and the last two pieces are each one polynomial), so 3 rows give their
    parabola, 2 their line and 1 is repeated. Points that are whole numbers are copies of their row.

    Example:
        >>> cubic(np.array([[0.0], [1.0], [8.0], [27.0]]), 7).ravel().round(6).tolist()
        [0.0, 0.125, 1.0, 3.375, 8.0, 15.625, 27.0]
    """
    from scipy.interpolate import CubicSpline  # 0.4 s, which only this method should cost

    if len(rows) < 2:
        return linear(rows, new, first)
    below, rest = _steps(len(rows), new, first)
    spline = CubicSpline(np.arange(len(rows)), rows.astype(np.float64), axis=0, bc_type="not-a-knot")
    between = spline(below + rest / max(new - 1, 1)).astype(rows.dtype)
    grown: Rows = np.where(rest[:, None] == 0, rows[below], between)
    return grown


def keeps_whole_steps(old: int, new: int, first: int | None = None) -> Index:
    """Return the pairs that :func:`linear` and :func:`cubic` keep: points on a row, always the first and the last.

    Example:
        >>> keeps_whole_steps(3, 5).tolist()
        [[0, 0], [1, 2], [2, 4]]
    """
    below, rest = _steps(old, new, first)
    exact = rest == 0
    return np.stack((below[exact], np.flatnonzero(exact)), axis=1)


LINEAR = Method(
    "linear",
    "sequence",
    "linear between the neighbors of the point t·(L − 1)/(N − 1)",
    "rows whose point is a whole number; the first and the last always",
    LONGEMBED,
    linear,
    keeps_whole_steps,
    "longer",
)
CUBIC = Method(
    "cubic",
    "sequence",
    "a not-a-knot cubic spline through each dimension, at the points of linear",
    "rows whose point is a whole number; the first and the last always",
    "scipy.interpolate.CubicSpline",
    cubic,
    keeps_whole_steps,
    "longer",
)
