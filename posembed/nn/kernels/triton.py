"""The fused embedding by Triton kernels: one kernel forward, a few backward, the same result every time.

Backward, the derivative by each token's sum is computed once (where a LayerNorm or dropout makes it differ from the
gradient that arrives), and then summed for each row of each table. No sum uses atomics:

* consecutive positions: one program for each row of the table and block of columns walks the batch;
* explicit positions, tokens and segments: ids are sorted once, windows of the sorted ids are summed, and the parts
  of a run that is longer than a window are added in a second kernel, in order;
* LayerNorm: each of a fixed number of programs sums its rows, and a second kernel sums those.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
from torch import Tensor

from posembed.nn.kernels import triton_kernels as kernels
from posembed.nn.kernels.philox import LANES, threshold
from posembed.nn.kernels.reference import NO_ROW, Gradients, Inputs, Wanted

# Sizes of blocks, as powers of two. None changes a result, except that sums are rounded in another order.
_ROW_ELEMENTS = 1024  # elements that a program holds at once, where rows are narrower: several rows
_MOST_ROWS = 16
_COLUMNS = 256  # columns that one program of a reduction sums
_WINDOW = 32  # sorted ids that one program sums
_STEP = 16  # rows that a reduction loads at once
_CHUNK = 256  # rows of one partial sum over all tokens
# Programs of the backward pass over tokens, hence partial sums of the LayerNorm's gradients. A constant, and not a
# multiple of the device's processors, so that every device adds in the same order.
_PROGRAMS = 1024


def forward(x: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result, and mean and reciprocal deviation of each token's sum (empty without a LayerNorm)."""
    x = _contiguous(x)
    n, width = x.ids.numel(), x.token.shape[1]
    out = torch.empty(*x.ids.shape, width, dtype=x.token.dtype, device=x.token.device)
    mean, rstd = _statistics(x), _statistics(x)
    if n == 0 or width == 0:
        return out, mean, rstd
    rows, block, warps = _row_blocks(width)
    with _device_of(out):
        _launch(
            kernels.forward_kernel, (triton.cdiv(n, rows),), out, mean, rstd, *_sum_arguments(x),
            *(x.token if each is None else each for each in (x.weight, x.bias)), x.eps, *_dropout_arguments(x),
            **_sum_flags(x), HAS_NORM=x.weight is not None, HAS_BIAS=x.bias is not None,
            HAS_DROPOUT=x.seed is not None, ROWS=rows, BLOCK=block, num_warps=warps,
        )  # fmt: skip
    return out, mean, rstd


def backward(gradient: Tensor, mean: Tensor, rstd: Tensor, x: Inputs, wanted: Wanted) -> Gradients:
    """Return the wanted gradients, in the dtype of the tables."""
    x, gradient = _contiguous(x), gradient.contiguous()
    with _device_of(gradient):
        change, weight, bias = _change(gradient, mean, rstd, x)
        change = change.reshape(-1, x.token.shape[1])
        token = _by_key(change, x.ids, x.token, x.token_padding) if wanted[0] else None
        position = _position(change, x, x.position) if wanted[1] and x.position is not None else None
        segment = _segment(change, x, x.segment) if wanted[2] and x.segment is not None else None
    weight = weight if wanted[3] and x.weight is not None else None
    bias = bias if wanted[4] and x.bias is not None else None
    found = (token, position, segment, weight, bias)
    return Gradients(*(gradient.new_empty(0) if each is None else each for each in found))


def _change(gradient: Tensor, mean: Tensor, rstd: Tensor, x: Inputs) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Return the derivative by each token's sum, and the gradients of the LayerNorm, if there is one."""
    n, width = x.ids.numel(), x.token.shape[1]
    if x.weight is None and x.seed is None:
        return gradient, None, None
    if n == 0 or width == 0:
        zeros = gradient.new_zeros(width)
        return gradient, zeros, zeros.clone()
    rows, block, warps = _row_blocks(width)
    blocks = triton.cdiv(n, rows)
    programs = min(blocks, _PROGRAMS)
    change = torch.empty_like(gradient)
    parts = torch.empty(2, programs if x.weight is not None else 0, width, dtype=torch.float32, device=gradient.device)
    _launch(
        kernels.change_kernel, (programs,), gradient, change, parts[0], parts[1], mean, rstd, blocks, programs,
        *_sum_arguments(x), x.token if x.weight is None else x.weight, *_dropout_arguments(x),
        **_sum_flags(x), HAS_NORM=x.weight is not None, HAS_DROPOUT=x.seed is not None,
        ROWS=rows, BLOCK=block, num_warps=warps,
    )  # fmt: skip
    if x.weight is None:
        return change, None, None
    weight, bias = (_columns(part, programs, gradient.dtype).reshape(-1) for part in parts)
    return change, weight, bias


def _columns(values: Tensor, chunk: int, dtype: torch.dtype) -> Tensor:
    """Return the sums of each ``chunk`` rows of ``values``."""
    n, width = values.shape
    out = torch.empty(triton.cdiv(n, chunk), width, dtype=dtype, device=values.device)
    block = _column_block(width)
    grid = (out.shape[0], triton.cdiv(width, block))
    _launch(kernels.columns_kernel, grid, values, out, n, chunk, width, STEP=_STEP, BLOCK=block)
    return out


def _position(change: Tensor, x: Inputs, table: Tensor) -> Tensor:
    if x.position_rows is not None:
        return _by_key(change, x.position_rows, table, x.position_padding)
    if change.numel() == 0:
        return torch.zeros_like(table)
    out = torch.empty_like(table)
    rows, width = table.shape
    seq = x.ids.shape[-1]
    block = _column_block(width)
    _launch(
        kernels.position_kernel, (rows, triton.cdiv(width, block)), change, out, x.start, x.position_padding,
        change.shape[0] // seq, seq, width, STEP=_STEP, BLOCK=block,
    )  # fmt: skip
    return out


def _segment(change: Tensor, x: Inputs, table: Tensor) -> Tensor:
    if x.types is not None:
        return _by_key(change, x.types, table, NO_ROW)
    out = torch.zeros_like(table)
    if change.numel():
        parts = _columns(change, _CHUNK, torch.float32)
        out[0] = _columns(parts, parts.shape[0], table.dtype)[0]
    return out


def _by_key(change: Tensor, keys: Tensor, table: Tensor, padding: int) -> Tensor:
    """Return the gradient of a table: for each row, the sum of the changes of the tokens that read it."""
    out = torch.zeros_like(table)
    n, width = change.shape
    if change.numel() == 0:
        return out
    flat = keys.reshape(-1)
    keys, order = torch.sort(flat.repeat(n // flat.numel()), stable=True)
    windows, block = triton.cdiv(n, _WINDOW), _column_block(width)
    parts = torch.empty(2, windows, width, dtype=torch.float32, device=change.device)
    grid, rows = (windows, triton.cdiv(width, block)), table.shape[0]
    sizes = {"WINDOW": _WINDOW, "BLOCK": block}
    _launch(kernels.window_kernel, grid, change, keys, order, out, *parts, n, rows, padding, width, **sizes)
    _launch(kernels.run_kernel, grid, keys, out, *parts, n, windows, rows, padding, width, STEP=_STEP, **sizes)
    return out


def _launch(kernel: Callable[..., Any], grid: tuple[int, ...], *arguments: object, **sizes: object) -> None:
    kernel[grid](*arguments, **sizes)  # type: ignore[index]


def _device_of(tensor: Tensor) -> AbstractContextManager[object]:
    """Return a context in which Triton launches on the device of a tensor, which need not be the current one."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()


def _contiguous(x: Inputs) -> Inputs:
    values: list[Any] = [each.contiguous() if isinstance(each, Tensor) else each for each in x]
    return Inputs(*values)


def _statistics(x: Inputs) -> Tensor:
    return torch.empty(0 if x.weight is None else x.ids.numel(), dtype=torch.float32, device=x.token.device)


def _row_blocks(width: int) -> tuple[int, int, int]:
    """Return rows, columns and warps of a program that holds whole rows."""
    block = max(LANES, int(triton.next_power_of_2(width)))
    rows = max(1, min(_MOST_ROWS, _ROW_ELEMENTS // block))
    return rows, block, 4 if block <= 1024 else 8 if block <= 4096 else 16


def _column_block(width: int) -> int:
    return min(_COLUMNS, int(triton.next_power_of_2(width)))


def _sum_arguments(x: Inputs) -> tuple[object, ...]:
    """Return the arguments of the kernels' ``_sum``; an absent tensor is replaced by another, and never read."""
    n, seq = x.ids.numel(), x.ids.shape[-1]
    position, segment = (x.token if each is None else each for each in (x.position, x.segment))
    position_rows, types = (x.ids if each is None else each for each in (x.position_rows, x.types))
    return (
        *(x.ids, x.token, x.token.shape[0]),
        *(position, position_rows, position_rows.numel(), position.shape[0], x.start),
        *(segment, types, types.numel(), segment.shape[0]),
        *(n, seq, x.token.shape[1]),
    )


def _sum_flags(x: Inputs) -> dict[str, bool]:
    return {
        "HAS_POSITION": x.position is not None,
        "CONSECUTIVE": x.position_rows is None,
        "HAS_SEGMENT": x.segment is not None,
        "HAS_TYPES": x.types is not None,
    }


def _dropout_arguments(x: Inputs) -> tuple[object, int, float]:
    return x.ids if x.seed is None else x.seed, threshold(x.dropout), 1 / (1 - x.dropout)
