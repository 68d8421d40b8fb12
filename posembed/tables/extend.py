"""Position tables of another length: pure functions from arrays to arrays."""

from __future__ import annotations

from typing import Any, Literal, get_args

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout

Array = NDArray[Any]
Method = Literal["linear", "tile"]


def extend_table(table: Array, length: int, *, method: Method = "linear", layout: TableLayout | None = None) -> Array:
    """Give a trained table rows for ``length`` positions.

    With L old and N new positions and P the positional rows (reserved, prefix and suffix rows are kept verbatim):

    * ``linear``: row t is P at the point ``t · (L − 1) / (N − 1)``, linear between its two neighbours. The first
      and the last row stay exact. (Zhu et al. 2024, LongEmbed, arXiv:2404.12096.)
    * ``tile``: row t is ``P[t mod L]``: every old row stays exact. (Beltagy et al. 2020, Longformer, arXiv:2004.05150.)

    The work is done in float32 (float64 tables in float64) and the table's dtype restored; bfloat16 arrays are
    those of ``ml_dtypes``.

    Args:
        table: ``[rows, d_model]``, any floating-point dtype.
        length: usable positions of the new table, at least those of the old one.
        method: ``"linear"`` or ``"tile"``.
        layout: what the rows mean; left out, every row is a position.

    Returns:
        ``[rows − L + length, d_model]``, a new array of the same dtype.

    Raises:
        InvalidArgumentError: for an unknown method, a shorter length, a grid, or a layout of another table.

    Example:
        >>> extend_table(np.array([[0.0], [2.0]]), 3).ravel().tolist()
        [0.0, 1.0, 2.0]
        >>> extend_table(np.array([[0.0], [2.0]]), 3, method="tile").ravel().tolist()
        [0.0, 2.0, 0.0]
    """
    table = np.asarray(table)
    if table.ndim != 2 or not (np.issubdtype(table.dtype, np.floating) or table.dtype == ml_dtypes.bfloat16):
        raise InvalidArgumentError(
            f"table must be floating-point [rows, d_model], got {table.dtype} of shape {list(table.shape)}"
        )
    layout = layout or TableLayout(length=len(table))
    if layout.rows != len(table):
        raise InvalidArgumentError(f"layout describes {layout.rows} rows, but the table has {len(table)}")
    if layout.length is None:
        raise InvalidArgumentError(f"layout is a grid of {layout.grid}; {method!r} extends sequences")
    if method not in get_args(Method):
        raise InvalidArgumentError(f"method={method!r} must be one of {', '.join(get_args(Method))}")
    first = layout.reserved + layout.prefix
    last = first + layout.length
    old = layout.length
    new = length - layout.prefix - layout.suffix
    if old < 1 or new < old:
        raise InvalidArgumentError(
            f"length={length} is below the table's usable length {layout.usable_length}; extending only lengthens"
        )
    rows = table[first:last]
    grown = rows[np.arange(new) % old] if method == "tile" else _linear(rows, new)
    return np.concatenate((table[:first], grown, table[last:]))


def _linear(rows: Array, new: int) -> Array:
    work = rows.astype(np.float64 if rows.dtype == np.float64 else np.float32)
    if len(work) == 1 or new == 1:
        return np.repeat(rows[:1], new, axis=0)
    points = np.linspace(0.0, len(work) - 1, new)
    below = np.minimum(points.astype(np.int64), len(work) - 2)
    weight = (points - below).astype(work.dtype)[:, None]
    grown: Array = (work[below] * (1 - weight) + work[below + 1] * weight).astype(rows.dtype)
    return grown
