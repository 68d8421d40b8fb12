"""Device code of the fused embedding, see :mod:`posembed.nn.kernels.triton`.

All sums are in float32 and in an order that depends on the shapes and the ids alone: no atomics. ``width`` is the
number of elements of a row, ``BLOCK`` the power of two that covers it; ids outside a table are masked loads.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _look_up(table, index, rows, row_in, cols, col_in, width):
    inside = (index >= 0) & (index < rows)
    mask = (row_in & inside)[:, None] & col_in[None, :]
    values = tl.load(table + index[:, None] * width + cols[None, :], mask=mask, other=0.0).to(tl.float32)
    outside = (row_in & (inside == 0))[:, None] & col_in[None, :]
    return tl.where(outside, float("nan"), values)


@triton.jit
def _ids(pointer, row, row_in, count):
    """Return the ids of some tokens; fewer ids than tokens are one row for the whole batch."""
    return tl.load(pointer + row % count, mask=row_in, other=0).to(tl.int64)


@triton.jit
def _sum(
    row, row_in, cols, col_in, ids, token, vocab, position, position_rows, position_count, positions, start,
    segment, types, type_count, kinds, n, seq, width,
    HAS_POSITION: tl.constexpr, CONSECUTIVE: tl.constexpr, HAS_SEGMENT: tl.constexpr, HAS_TYPES: tl.constexpr,
):  # fmt: skip
    """Return the rows' sum ``[ROWS, BLOCK]`` in float32, 0 where there is no token or no column."""
    tokens = _look_up(token, _ids(ids, row, row_in, n), vocab, row_in, cols, col_in, width)
    others = tl.zeros_like(tokens)
    if HAS_POSITION:
        if CONSECUTIVE:
            index = start + row % seq
        else:
            index = _ids(position_rows, row, row_in, position_count)
        others = _look_up(position, index, positions, row_in, cols, col_in, width)
    if HAS_SEGMENT:
        if HAS_TYPES:
            kind = _ids(types, row, row_in, type_count)
        else:
            kind = row * 0
        others += _look_up(segment, kind, kinds, row_in, cols, col_in, width)
    return tokens + others


@triton.jit
def _keep(seed, row, threshold, BLOCK: tl.constexpr):
    """Return which elements dropout keeps, as :func:`posembed.nn.kernels.philox.keep_mask`."""
    lane = tl.arange(0, BLOCK // 4)
    zero = row.to(tl.int32)[:, None] * 0 + lane[None, :] * 0
    r0, r1, r2, r3 = tl.philox(tl.load(seed), lane[None, :] + zero, row.to(tl.int32)[:, None] + zero, zero, zero)
    bits = tl.interleave(tl.interleave(r0, r2), tl.interleave(r1, r3))
    return (bits >> 1).to(tl.int32) >= threshold


@triton.jit(do_not_specialize=["start"])
def forward_kernel(
    out, mean_out, rstd_out,
    ids, token, vocab, position, position_rows, position_count, positions, start,
    segment, types, type_count, kinds, n, seq, width,
    weight, bias, eps, seed, threshold, scale,
    HAS_POSITION: tl.constexpr, CONSECUTIVE: tl.constexpr, HAS_SEGMENT: tl.constexpr, HAS_TYPES: tl.constexpr,
    HAS_NORM: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_DROPOUT: tl.constexpr,
    ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write ROWS rows of the result, and the mean and the reciprocal deviation of each for the backward pass."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = tl.arange(0, BLOCK)
    row_in, col_in = row < n, cols < width
    x = _sum(
        row, row_in, cols, col_in, ids, token, vocab, position, position_rows, position_count, positions, start,
        segment, types, type_count, kinds, n, seq, width, HAS_POSITION, CONSECUTIVE, HAS_SEGMENT, HAS_TYPES,
    )  # fmt: skip
    if HAS_NORM:
        mean = tl.sum(x, 1) / width
        x = tl.where(col_in[None, :], x - mean[:, None], 0.0)
        rstd = 1.0 / tl.sqrt(tl.sum(x * x, 1) / width + eps)
        tl.store(mean_out + row, mean, mask=row_in)
        tl.store(rstd_out + row, rstd, mask=row_in)
        x = x * rstd[:, None] * tl.load(weight + cols, mask=col_in, other=0.0).to(tl.float32)[None, :]
        if HAS_BIAS:
            x += tl.load(bias + cols, mask=col_in, other=0.0).to(tl.float32)[None, :]
    if HAS_DROPOUT:
        x = tl.where(_keep(seed, row, threshold, BLOCK), x * scale, 0.0)
    mask = row_in[:, None] & col_in[None, :]
    tl.store(out + row[:, None] * width + cols[None, :], x.to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["start"])
def change_kernel(
    gradient, change, weight_parts, bias_parts, mean_in, rstd_in, blocks, programs,
    ids, token, vocab, position, position_rows, position_count, positions, start,
    segment, types, type_count, kinds, n, seq, width,
    weight, seed, threshold, scale,
    HAS_POSITION: tl.constexpr, CONSECUTIVE: tl.constexpr, HAS_SEGMENT: tl.constexpr, HAS_TYPES: tl.constexpr,
    HAS_NORM: tl.constexpr, HAS_DROPOUT: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write the derivative by each token's sum, and this program's part of the LayerNorm's gradients."""
    cols = tl.arange(0, BLOCK)
    col_in = cols < width
    weight_sum = tl.zeros([BLOCK], tl.float32)
    bias_sum = tl.zeros([BLOCK], tl.float32)
    for block in range(tl.program_id(0), blocks, programs):
        row = tl.cast(block, tl.int64) * ROWS + tl.arange(0, ROWS)
        row_in = row < n
        mask = row_in[:, None] & col_in[None, :]
        where = row[:, None] * width + cols[None, :]
        g = tl.load(gradient + where, mask=mask, other=0.0).to(tl.float32)
        if HAS_DROPOUT:
            g = tl.where(_keep(seed, row, threshold, BLOCK), g * scale, 0.0)
        if HAS_NORM:
            x = _sum(
                row, row_in, cols, col_in, ids, token, vocab, position, position_rows, position_count, positions, start,
                segment, types, type_count, kinds, n, seq, width, HAS_POSITION, CONSECUTIVE, HAS_SEGMENT, HAS_TYPES,
            )  # fmt: skip
            mean = tl.load(mean_in + row, mask=row_in, other=0.0)
            rstd = tl.load(rstd_in + row, mask=row_in, other=0.0)
            x = tl.where(mask, (x - mean[:, None]) * rstd[:, None], 0.0)
            weight_sum += tl.sum(g * x, 0)
            bias_sum += tl.sum(g, 0)
            g = g * tl.load(weight + cols, mask=col_in, other=0.0).to(tl.float32)[None, :]
            along = tl.sum(g * x, 1) / width
            g = (g - (tl.sum(g, 1) / width)[:, None] - x * along[:, None]) * rstd[:, None]
        tl.store(change + where, g.to(change.dtype.element_ty), mask=mask)
    if HAS_NORM:
        place = tl.program_id(0).to(tl.int64) * width + cols
        tl.store(weight_parts + place, weight_sum, mask=col_in)
        tl.store(bias_parts + place, bias_sum, mask=col_in)


@triton.jit
def columns_kernel(values, out, n, chunk, width, STEP: tl.constexpr, BLOCK: tl.constexpr):
    """Write the sum of each ``chunk`` rows of ``values [n, width]`` into a row of ``out``."""
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    col_in = cols < width
    first = tl.program_id(0).to(tl.int64) * chunk
    last = tl.minimum(first + chunk, n)
    total = tl.zeros([BLOCK], tl.float32)
    for begin in range(first, last, STEP):
        row = begin + tl.arange(0, STEP)
        mask = (row < last)[:, None] & col_in[None, :]
        total += tl.sum(tl.load(values + row[:, None] * width + cols[None, :], mask=mask, other=0.0).to(tl.float32), 0)
    place = tl.program_id(0).to(tl.int64) * width + cols
    tl.store(out + place, total.to(out.dtype.element_ty), mask=col_in)


@triton.jit(do_not_specialize=["start"])
def position_kernel(
    change, out, start, padding, batch, seq, width, STEP: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Write one row of the gradient of consecutive positions: the sum over the batch, or 0 for a row not read."""
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    col_in = cols < width
    line = tl.program_id(0).to(tl.int64)
    where = line - start
    read = (where >= 0) & (where < seq) & (line != padding)
    count = tl.where(read, batch, 0)
    total = tl.zeros([BLOCK], tl.float32)
    for begin in range(0, count, STEP):
        one = begin + tl.arange(0, STEP).to(tl.int64)
        mask = (one < count)[:, None] & col_in[None, :]
        place = (one * seq + where)[:, None] * width + cols[None, :]
        total += tl.sum(tl.load(change + place, mask=mask, other=0.0).to(tl.float32), 0)
    tl.store(out + line * width + cols, total.to(out.dtype.element_ty), mask=col_in)


@triton.jit
def window_kernel(
    change, keys, order, out, heads, tails, n, rows, padding, width, WINDOW: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Sum the changes of WINDOW neighbors in the order of their keys.

    A run of equal keys that begins and ends in the window goes to ``out``. A part of a longer run goes to ``heads``
    if the run began before the window, and to ``tails`` if it begins here.
    """
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    window = tl.program_id(0).to(tl.int64)
    first = window * WINDOW
    before = tl.load(keys + first - 1, mask=first > 0, other=0)
    begins = (first == 0) | (before != tl.load(keys + first))
    total = tl.zeros([BLOCK], tl.float32)
    for step in range(WINDOW):
        i = first + step
        inside = i < n
        key = tl.load(keys + i, mask=inside, other=0).to(tl.int64)
        row = tl.load(order + i, mask=inside, other=0).to(tl.int64)
        total += tl.load(change + row * width + cols, mask=cols < tl.where(inside, width, 0), other=0.0).to(tl.float32)
        run_ends = (i + 1 >= n) | (tl.load(keys + i + 1, mask=i + 1 < n, other=0) != key)
        ends = inside & (run_ends | (step == WINDOW - 1))
        has_row = (key >= 0) & (key < rows) & (key != padding)
        # A condition as a number of columns: the interpreter does not broadcast a single truth value.
        whole = tl.where(ends & run_ends & begins & has_row, width, 0)
        head = tl.where(ends & (begins == 0), width, 0)
        tail = tl.where(ends & (run_ends == 0) & begins, width, 0)
        tl.store(out + key * width + cols, total.to(out.dtype.element_ty), mask=cols < whole)
        tl.store(heads + window * width + cols, total, mask=cols < head)
        tl.store(tails + window * width + cols, total, mask=cols < tail)
        total = tl.where(cols < tl.where(ends, width, 0), 0.0, total)
        begins = begins | ends


@triton.jit
def run_kernel(
    keys, out, heads, tails, n, windows, rows, padding, width,
    WINDOW: tl.constexpr, STEP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write the sum of the run that begins in a window and goes on after it, if there is one."""
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    col_in = cols < width
    window = tl.program_id(0).to(tl.int64)
    last = window * WINDOW + WINDOW - 1
    key = tl.load(keys + last, mask=last < n, other=0).to(tl.int64)
    goes_on = (last + 1 < n) & (tl.load(keys + last + 1, mask=last + 1 < n, other=0) == key)
    before = tl.load(keys + window * WINDOW - 1, mask=window > 0, other=0)
    begins = (window == 0) | (before != key)
    has_row = (key >= 0) & (key < rows) & (key != padding)
    if goes_on & begins & has_row:
        total = tl.load(tails + window * width + cols, mask=col_in, other=0.0)
        following = window + 1
        more = following < windows
        while more:
            index = following + tl.arange(0, STEP)
            held = index < windows
            held = held & (tl.load(keys + index * WINDOW, mask=held, other=0) == key)
            mask = held[:, None] & col_in[None, :]
            total += tl.sum(tl.load(heads + index[:, None] * width + cols[None, :], mask=mask, other=0.0), 0)
            following += STEP
            more = (tl.min(held.to(tl.int32), 0) == 1) & (following < windows)
        tl.store(out + key * width + cols, total.to(out.dtype.element_ty), mask=col_in)
