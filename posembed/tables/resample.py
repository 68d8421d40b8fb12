"""Resample a grid of rows to another size by separable kernels that equal torch's ``interpolate`` to 1e-5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.tables.methods.arguments import whole
from posembed.tables.methods.copies import tile_index

Grid = tuple[int, int]
Rows = NDArray[Any]
Index = NDArray[np.int64]
Mode = Literal["bicubic", "bilinear"]

_RADIUS = {"bilinear": 1, "bicubic": 2}


def resize_grid(
    rows: Rows, grid: Grid, *, mode: Mode = "bicubic", antialias: bool = False, align_corners: bool = False
) -> Rows:
    """Resample a grid of rows to ``grid``, as torch's ``interpolate(size=grid)`` does.

    Each axis is resampled alone. Without ``antialias`` a new row mixes its 2 (bilinear) or 4 (bicubic, a = −0.75)
    nearest old rows; with it the kernel is widened when shrinking (bicubic with a = −0.5, as in Pillow).
    ``align_corners`` puts the first and last old row on the first and last new one. The size is always explicit:
    factors round differently from place to place.

    Args:
        rows: ``[height, width, d]``, floating-point.
        grid: ``(height, width)`` of the result, each at least 1.
        mode: ``"bicubic"`` or ``"bilinear"``.
        antialias: average over all the old rows that a new one covers.
        align_corners: see above; with ``antialias``, what torch does with both.

    Returns:
        ``[*grid, d]``, a new array, in float64 from float64 and else in float32; the same size gives a plain copy.

    Raises:
        InvalidArgumentError: for rows that are not a grid, a size below 1 or an unknown mode.
        ArgumentTypeError: for a size that is not a whole number or a switch that is not a bool.

    Source: the kernels of PyTorch (``aten/src/ATen/native/UpSample.h``), which timm's ``resample_abs_pos_embed`` uses
    with ``antialias=True`` and the ViT of Transformers without. One difference: where an antialiased result is one
    column wide, torch 2.13 on a CPU repeats the first row; here the column is resampled as a row would be.

    Example:
        >>> resize_grid(np.arange(4.0).reshape(2, 2, 1), (2, 3), mode="bilinear")[:, :, 0].tolist()
        [[0.0, 0.5, 1.0], [2.0, 2.5, 3.0]]
    """
    if rows.ndim != 3 or 0 in rows.shape:
        raise InvalidArgumentError(f"rows must be a non-empty [height, width, d], got shape {list(rows.shape)}")
    grid = checked_grid(grid)
    work = rows.astype(np.float64 if rows.dtype == np.float64 else np.float32)
    for axis, new in enumerate(grid):
        index, weights = axis_weights(
            rows.shape[axis], new, mode=mode, antialias=antialias, align_corners=align_corners, dtype=work.dtype
        )
        if new != rows.shape[axis]:
            work = _apply(work, axis, index, weights)
    return work


def checked_grid(grid: object) -> Grid:
    """Return a grid as two ints, or raise an error that says what a grid is.

    Example:
        >>> checked_grid([16, np.int64(20)])
        (16, 20)
    """
    if not isinstance(grid, tuple | list) or len(grid) != 2:
        raise ArgumentTypeError(f"grid={grid!r} must be (height, width), two whole numbers")
    return whole("grid's height", grid[0], 1), whole("grid's width", grid[1], 1)


def axis_weights(
    old: int, new: int, *, mode: Mode, antialias: bool, align_corners: bool, dtype: Any = np.float64
) -> tuple[Index, Rows]:
    """Return which old rows of one axis each new row mixes, and how much of each: two arrays ``[new, taps]``.

    Every row of weights sums to 1. Taps beyond the border read the border row. Points and weights
    are computed in ``dtype``, that of the rows, as torch computes them.

    Example:
        >>> index, weights = axis_weights(2, 3, mode="bilinear", antialias=False, align_corners=True)
        >>> index.tolist(), weights.tolist()
        ([[0, 1], [0, 1], [1, 1]], [[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    """
    if mode not in _RADIUS:
        raise InvalidArgumentError(f"mode={mode!r} must be one of {', '.join(_RADIUS)}")
    for name, value in (("antialias", antialias), ("align_corners", align_corners)):
        if not isinstance(value, bool):
            raise ArgumentTypeError(f"{name}={value!r} must be True or False")
    radius = _RADIUS[mode]
    real = np.dtype(dtype).type
    step = real(old) / real(new)
    if align_corners:
        step = real(old - 1) / real(new - 1) if new > 1 else real(0)
    if antialias:
        return _averaging(old, new, step, radius)
    count = np.arange(new, dtype=dtype)
    points = count * step
    if not align_corners:  # rounded once, as by the fused multiply-add that torch compiles to
        points = ((count + real(0.5)).astype(np.float64) * np.float64(step) - 0.5).astype(dtype)
    below = np.floor(points).astype(np.int64)
    taps = np.arange(1 - radius, radius + 1)
    weights = _kernel(radius, -0.75)((points - below.astype(dtype))[:, None] - taps.astype(dtype))
    return np.clip(below[:, None] + taps, 0, old - 1), weights


def _averaging(old: int, new: int, step: Any, radius: int) -> tuple[Index, Rows]:
    """Return taps and weights with antialiasing: the kernel is as wide as the step, and cut at the borders."""
    real = type(step)
    width = max(step, real(1))
    centers = (np.arange(new, dtype=real) + real(0.5)) * step  # torch uses the same centers with align_corners
    first = np.maximum(np.trunc(centers - radius * width + 0.5), 0).astype(np.int64)
    last = np.minimum(np.trunc(centers + radius * width + 0.5), old).astype(np.int64)
    index = first[:, None] + np.arange((last - first).max())
    weights = _kernel(radius, -0.5)((index.astype(real) - centers[:, None] + real(0.5)) / width)
    weights[index >= last[:, None]] = 0.0
    return np.minimum(index, old - 1), weights / weights.sum(axis=1, keepdims=True)


def _kernel(radius: int, a: float) -> Callable[[Rows], Rows]:
    """Return the triangle of radius 1, or Keys's cubic of radius 2 with its parameter a (Keys 1981)."""

    def triangle(x: Rows) -> Rows:
        kernel: Rows = np.maximum(1 - np.abs(x), 0.0)
        return kernel

    def keys(x: Rows) -> Rows:
        x = np.abs(x)
        inner = ((a + 2) * x - (a + 3)) * x * x + 1
        outer = (((x - 5) * x + 8) * x - 4) * a
        return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))

    return triangle if radius == 1 else keys


def _apply(work: Rows, axis: int, index: Index, weights: Rows) -> Rows:
    shape = [1, 1, 1]
    shape[axis] = len(index)
    mixed = np.zeros((*work.shape[:axis], len(index), *work.shape[axis + 1 :]), work.dtype)
    for tap in range(index.shape[1]):  # few, and no [new, old] matrix is needed
        mixed += np.take(work, index[:, tap], axis=axis) * weights[:, tap].reshape(shape)
    return mixed


def bicubic(rows: Rows, grid: Grid, *, antialias: bool = False, align_corners: bool = False) -> Rows:
    """Resample by :func:`resize_grid` with mode ``bicubic``."""
    return resize_grid(rows, grid, mode="bicubic", antialias=antialias, align_corners=align_corners)


def bilinear(rows: Rows, grid: Grid, *, antialias: bool = False, align_corners: bool = False) -> Rows:
    """Resample by :func:`resize_grid` with mode ``bilinear``."""
    return resize_grid(rows, grid, mode="bilinear", antialias=antialias, align_corners=align_corners)


def keeps_same_grid(old: Grid, new: Grid, *, antialias: bool = False, align_corners: bool = False) -> Index:
    """Return the pairs that the kernels keep: none, unless the grid stays as it is."""
    for side, other in zip(old, new, strict=True):
        axis_weights(side, other, mode="bilinear", antialias=antialias, align_corners=align_corners)
    return copying_grid(tile_index)[1](old, new) if old == new else np.empty((0, 2), dtype=np.int64)


def nearest_index(old: int, new: int) -> Index:
    """Return ``⌊t · old / new⌋``, in whole numbers, where torch's ``nearest`` rounds a float32 factor.

    Example:
        >>> nearest_index(2, 5).tolist()
        [0, 0, 0, 1, 1]
    """
    return np.arange(new, dtype=np.int64) * old // new


def copying_grid(axis_index: Callable[[int, int], Index]) -> tuple[Callable[..., Rows], Callable[..., Index]]:
    """Return the function of a grid method whose rows are all copies, and its promise.

    Args:
        axis_index: ``axis_index(old, new)``, the old place of each new one along an axis.
    """

    def copy(rows: Rows, grid: Grid) -> Rows:
        copied: Rows = rows[np.ix_(axis_index(rows.shape[0], grid[0]), axis_index(rows.shape[1], grid[1]))]
        return copied

    def kept(old: Grid, new: Grid) -> Index:
        flat = axis_index(old[0], new[0])[:, None] * old[1] + axis_index(old[1], new[1])
        return np.stack((flat.ravel(), np.arange(flat.size, dtype=np.int64)), axis=1)

    return copy, kept
