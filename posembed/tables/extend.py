"""Extend or shrink a position table to another length or grid: pure functions on arrays."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.layout import TableLayout
from posembed.memory import require_memory
from posembed.tables.method import Method
from posembed.tables.methods.arguments import whole
from posembed.tables.registry import find_method, resolve_method
from posembed.tables.resample import Grid, checked_grid

_COPIES = 6
"""Arrays of the new table's size that are alive at once: the slowest method makes 5.2, and pairs of rows are extra."""
_NARROWEST = 4  # bytes: narrower dtypes are computed in float32

Array = NDArray[Any]
Pairs = NDArray[np.int64]


def extend_table(
    table: Array,
    length: int | None = None,
    *,
    grid: Grid | None = None,
    method: str = "linear",
    layout: TableLayout | None = None,
    **options: Any,
) -> Array:
    """Give a trained table rows for ``length`` positions, or for a grid of patches.

    Only the rows of the sequence or grid change; reserved, prefix and suffix rows are the old ones, bit for bit. With
    L old and N new rows, P the old ones and t from 0, the methods of a sequence are

    * ``linear`` and ``cubic``: P at the point ``t · (L − 1) / (N − 1)``, linear or on a cubic spline through each
      dimension. Points on a row give that row exactly; the first and the last are.
    * ``tile`` (``range=L``): ``P[t mod range]``; ``grouped``: ``P[t ÷ ⌈N/L⌉]``; ``repeat-last``:
      ``P[min(t, L − 1)]``. All are copies.
    * ``hierarchical`` (``alpha=0.4``): ``α·u[t ÷ L] + (1 − α)·u[t mod L]`` with ``u = (P − α·P[0])/(1 − α)``, up to
      ``N = L²``. Every old row stays exact.
    * ``stretch`` (``keep=0, range=L, kernel="linear", ratio=None``): the first ``keep`` rows stay exact, rows ``keep …
      range − 1`` are interpolated to the rest, or to ``ratio`` times their number and then repeated. With ``range``
      below L it changes the table at N = L too.
    * ``mean`` (``keep=L, range=L``): ``P[:keep]``, then the mean of ``P[:range]`` for every further position.
    * ``zeros``, ``random`` (``seed=0``): P, then rows of that kind. Every old row stays exact.
    * ``crop``: ``P[:N]``, the one method that only shortens.
    * ``sinusoid``: P, then the rows of the sinusoidal formula that P follows, for any N; other tables are refused.

    and those of a grid, which may grow and shrink: ``bicubic`` and ``bilinear`` (``antialias=False``,
    ``align_corners=False``; equal to torch's ``interpolate``), ``nearest``, ``tile``, ``P[y mod H, x mod W]``, and
    ``sinusoid`` for a grid that is one.
    :data:`posembed.METHODS` has each one's source; ``register_method`` adds your own.

    The work is done in float32 (float64 tables in float64) and the table's dtype restored; bfloat16 arrays are
    those of ``ml_dtypes``. The input is never changed. N = L returns a copy.

    Args:
        table: ``[rows, d_model]`` in float16, bfloat16, float32 or float64, all values finite.
        length: usable positions of the new table (prefix, positions and suffix), for a sequence.
        grid: ``(height, width)`` of the new table, for one whose layout is a grid.
        method: a method's name, or ``"auto"``: ``tile`` for a sequence, ``bicubic`` for a grid.
        layout: what the rows mean; if omitted, every row is a position.
        **options: of the method.

    Returns:
        ``[rows − L + N, d_model]``, a new array of the same dtype.

    Raises:
        InvalidArgumentError: for an invalid table, length, grid, method or option; what is allowed is listed.
        ArgumentTypeError: for a length, grid or option of a wrong type.
        WorkFailedError: if the new rows are beyond what the dtype holds.

    Example:
        >>> extend_table(np.array([[0.0], [2.0]]), 3).ravel().tolist()
        [0.0, 1.0, 2.0]
        >>> extend_table(np.array([[0.0], [2.0]]), 3, method="tile").ravel().tolist()
        [0.0, 2.0, 0.0]
        >>> image, layout = np.array([[9.0], [0.0], [2.0]]), TableLayout(grid=(1, 2), prefix=1)
        >>> extend_table(image, grid=(1, 3), method="bilinear", layout=layout).ravel().tolist()
        [9.0, 0.0, 1.0, 2.0]
    """
    table = _checked_table(table)
    layout = layout or TableLayout(length=len(table))
    if layout.rows != len(table):
        raise InvalidArgumentError(f"layout describes {layout.rows} rows, but the table has {len(table)}")
    chosen, settings, new = _plan(method, layout, length, grid, options)
    places = layout.position_rows
    grown = _grow(table[places], chosen, settings, layout, new)
    # the dtype is named, else another byte order would not survive
    return np.concatenate((table[: places.start], grown, table[places.stop :]), dtype=table.dtype)


def exact_rows(
    method: str, layout: TableLayout, length: int | None = None, *, grid: Grid | None = None, **options: Any
) -> Pairs:
    """Return which rows of the new table are guaranteed to equal a row of the old one, bit for bit.

    Args:
        method: as in :func:`extend_table`, with its ``length``, ``grid`` and ``options``.
        layout: that of the old table.
        length: usable positions of the new table, for a sequence.
        grid: ``(height, width)`` of the new table, for a grid.
        **options: of the method.

    Returns:
        Pairs (old row, new row), ``[n, 2]`` int64, in the order of the new rows; reserved, prefix and suffix rows
        are among them.

    Raises:
        InvalidArgumentError: wherever ``extend_table`` would refuse the same arguments.
        ArgumentTypeError: likewise.

    Example:
        >>> exact_rows("zeros", TableLayout(length=2, reserved=1, suffix=1), 5).tolist()
        [[0, 0], [1, 1], [2, 2], [3, 5]]
    """
    chosen, settings, new = _plan(method, layout, length, grid, options)
    first = layout.position_rows.start
    before = np.repeat(np.arange(first)[:, None], 2, axis=1)
    after = np.arange(layout.suffix)[:, None] + (first + layout.positions, first + _count(new))
    return np.concatenate((before, _promised(chosen, settings, layout, new) + first, after))


def working_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many bytes of memory at most it takes to make a table of this shape.

    Example:
        >>> working_bytes((1000, 768), 4)
        18432000
    """
    return math.prod(shape) * max(itemsize, _NARROWEST) * _COPIES


def _checked_table(table: Array) -> Array:
    table = np.asarray(table)
    known = table.dtype == ml_dtypes.bfloat16 or (table.dtype.kind == "f" and table.dtype.itemsize in (2, 4, 8))
    if table.ndim != 2 or table.shape[1] < 1 or not known:
        raise InvalidArgumentError(
            f"table must be floating-point [rows, d_model], got {table.dtype} of shape {list(table.shape)}; float16, "
            "bfloat16, float32 and float64 are supported, so dequantize the table first"
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise InvalidArgumentError(
            f"table row {bad[0]} holds nan or inf ({len(bad)} such rows of {len(table)}); no row can be made from it: "
            "repair the table first"
        )
    return table


def _plan(
    method: str, layout: TableLayout, length: int | None, grid: Grid | None, options: dict[str, object]
) -> tuple[Method, dict[str, object], int | Grid]:
    """Return the method, its options and the new number of positions (or the new grid), all checked."""
    name, settings = resolve_method(method, layout, None, **options)
    chosen = find_method(name, layout)
    if layout.grid is not None:
        if grid is None or length is not None:
            raise InvalidArgumentError(
                f"layout is a grid of {layout.grid}: pass grid=(height, width), got length={length} and grid={grid}"
            )
        return chosen, settings, checked_grid(grid)
    if length is None or grid is not None:
        raise InvalidArgumentError(
            f"layout is a sequence of {layout.length} positions: pass length, got length={length} and grid={grid}; "
            "for a table of an image model, pass layout=TableLayout(grid=(height, width), ...) too"
        )
    return chosen, settings, _new_positions(chosen, layout, whole("length", length, 1))


def _new_positions(chosen: Method, layout: TableLayout, length: int) -> int:
    old, new = layout.positions, length - layout.prefix - layout.suffix
    if old < 1:
        raise InvalidArgumentError(
            "the table has no positions (its layout has length 0), so there is nothing to extend"
        )
    if new < 1:
        raise InvalidArgumentError(
            f"length={length} leaves no position: at least 1 is needed besides {layout.prefix} prefix and "
            f"{layout.suffix} suffix rows"
        )
    if new < old and chosen.direction == "longer":
        raise InvalidArgumentError(
            f"length={length} is below the table's usable length {layout.usable_length}; {chosen.name!r} only "
            "lengthens: pass method='crop' to shorten"
        )
    if new > old and chosen.direction == "shorter":
        raise InvalidArgumentError(
            f"length={length} is above the table's usable length {layout.usable_length}; {chosen.name!r} only "
            "shortens: pass a method that lengthens, such as 'linear' or 'tile'"
        )
    return new


def _count(size: int | Grid) -> int:
    return size if isinstance(size, int) else size[0] * size[1]


def _promised(chosen: Method, settings: dict[str, object], layout: TableLayout, new: int | Grid) -> Pairs:
    """Return the method's promise, counted from the first position's row, in the order of the new rows."""
    pairs = np.asarray(chosen.kept(layout.grid or layout.positions, new, **settings))
    fits = pairs.ndim == 2 and pairs.shape[1] == 2 and (pairs.dtype.kind in "iu" or not len(pairs))
    if not fits or (pairs < 0).any() or (pairs >= (layout.positions, _count(new))).any():
        raise InvalidArgumentError(
            f"method {chosen.name!r}: kept must return pairs [n, 2] of an old row below {layout.positions} and a new "
            f"row below {_count(new)}"
        )
    ordered: Pairs = pairs[np.argsort(pairs[:, 1], kind="stable")].astype(np.int64)
    return ordered


def _grow(rows: Array, chosen: Method, settings: dict[str, object], layout: TableLayout, new: int | Grid) -> Array:
    """Return the new positions' rows, in the dtype of the old ones, after checking the method's promise."""
    size = f"grid={new[0]}x{new[1]}" if isinstance(new, tuple) else f"length={new + layout.prefix + layout.suffix}"
    require_memory(working_bytes((_count(new), rows.shape[1]), rows.dtype.itemsize), size)
    pairs = _promised(chosen, settings, layout, new)
    shape = (*new, rows.shape[1]) if isinstance(new, tuple) else (new, rows.shape[1])
    work = rows.astype(np.float64 if rows.dtype.itemsize == 8 else np.float32)
    if layout.grid is not None:
        work = work.reshape(*layout.grid, rows.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is reported below, with its row
        result = np.asarray(chosen.function(work, new, **settings))
        if result.shape != shape or not (result.dtype.kind == "f" or result.dtype == ml_dtypes.bfloat16):
            raise InvalidArgumentError(
                f"method {chosen.name!r} must return floating-point rows of shape {list(shape)}, got {result.dtype} "
                f"of shape {list(result.shape)}"
            )
        grown: Array = result.astype(rows.dtype).reshape(_count(new), rows.shape[1])
    bad = np.flatnonzero(~np.isfinite(grown).all(axis=1))
    if len(bad):
        raise WorkFailedError(
            f"method {chosen.name!r} gave position {bad[0]} a value that is not finite in {rows.dtype}; extend a wider "
            "copy of the table, such as table.astype('float64'), or use another method"
        )
    found, wanted = (np.ascontiguousarray(each).view(np.uint8) for each in (grown[pairs[:, 1]], rows[pairs[:, 0]]))
    changed = found != wanted
    if changed.any():
        old, position = pairs[np.flatnonzero(changed.any(axis=1))[0]]
        raise InvalidArgumentError(
            f"method {chosen.name!r} promised that position {position} is the old position {old} bit for bit, but its "
            "function changed it: correct the function, or what its kept returns"
        )
    return grown
