"""Compiled code of the fused embedding on the CPU, see :mod:`posembed.nn.kernels.cpu`. Needs numba.

Arrays are C-contiguous. An absent table is one row of zeros, whose ids are ``[0]``. ``first`` and ``last`` bound what
one thread does, so that threads never write to the same memory. Sums are in the dtype of the tables, in an order that
depends on the shapes and the ids alone. ``numbers`` holds ``(0, 1, 1 / width, eps)`` in that dtype: with literals, a
float32 sum becomes float64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Sums may be split into lanes. NaN and infinities keep their meaning, unlike with numba's fastmath=True, and
# differences that are exactly zero stay so, which fusing products with sums ("contract") would end.
_LANES = {"reassoc", "nsz"}


def _compiled(fastmath: Any = False) -> Callable[[Callable[..., None]], Any]:
    """Compile without the interpreter's lock, and keep the machine code on disk where there is a place for it."""

    def decorate(function: Callable[..., None]) -> Any:
        compiled = functools.partial(numba.njit, nogil=True, error_model="numpy", fastmath=fastmath)
        try:
            return compiled(cache=True)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache can be written
            return compiled()(function)

    return decorate


@_compiled()
def _find(i, ids, token, position, position_rows, start, segment, types, seq):
    """Return whether the tables have a token's rows, and where; no ids of positions stand for consecutive ones."""
    row = ids[i]
    place = position_rows[i % position_rows.size] if position_rows.size else start + i % seq
    kind = types[i % types.size]
    inside = 0 <= row < token.shape[0] and 0 <= place < position.shape[0] and 0 <= kind < segment.shape[0]
    return inside, row if inside else 0, place if inside else 0, kind if inside else 0


@_compiled()
def add_rows(out, ids, token, position, position_rows, start, segment, types, seq, first, last):
    """Write rows ``first`` to ``last`` of a result without a LayerNorm; NaN for a token whose ids have no rows.

    Additions are those of the submodules in their order, without fast-math: the bits are the same.
    """
    for i in range(first, last):
        inside, row, place, kind = _find(i, ids, token, position, position_rows, start, segment, types, seq)
        if inside:
            for j in range(out.shape[1]):
                out[i, j] = token[row, j] + (position[place, j] + segment[kind, j])
        else:
            out[i] = np.nan


@_compiled(fastmath=_LANES)
def normalize_rows(
    out, mean, rstd, ids, token, position, position_rows, start, segment, types, seq, weight, bias, numbers, first, last
):  # fmt: skip
    """Write rows ``first`` to ``last`` of a result with a LayerNorm, and the mean and reciprocal deviation of each."""
    zero, one, share, eps = numbers
    for i in range(first, last):
        inside, row, place, kind = _find(i, ids, token, position, position_rows, start, segment, types, seq)
        total = square = zero
        for j in range(out.shape[1]):
            value = token[row, j] + (position[place, j] + segment[kind, j])
            out[i, j] = value
            total += value
        middle = total * share
        if not inside:
            middle = zero / zero
        for j in range(out.shape[1]):
            square += (out[i, j] - middle) * (out[i, j] - middle)
        scale = one / np.sqrt(square * share + eps)
        for j in range(out.shape[1]):
            out[i, j] = (out[i, j] - middle) * scale * weight[j] + bias[j]
        mean[i], rstd[i] = middle, scale


@_compiled()
def _add(out, at, rows, row):
    for j in range(out.shape[1]):
        out[at, j] += rows[row, j]


# One loop for each array that is written: the compiler makes vector code only where it can tell few arrays apart.
@_compiled(fastmath=_LANES)
def _differentiate(i, piece, row, change, weight_sum, bias_sum, gradient, rstd, weight, share, zero):
    """Write the derivative of the LayerNorm by a token's sum, given what it normalized it to in ``row``."""
    total = along = zero
    for j in range(row.size):
        total += gradient[i, j] * weight[j]
        along += gradient[i, j] * weight[j] * row[j]
    for j in range(row.size):
        weight_sum[piece, j] += gradient[i, j] * row[j]
    for j in range(row.size):
        bias_sum[piece, j] += gradient[i, j]
    total *= share
    along *= share
    for j in range(row.size):
        change[i, j] = (gradient[i, j] * weight[j] - total - row[j] * along) * rstd[i]


@_compiled()
def change(
    change, position_sum, segment_sum, weight_sum, bias_sum, gradient, mean, rstd, ids, token, position, position_rows,
    start, segment, types, seq, weight, numbers, steps, length, first, last,
):  # fmt: skip
    """Write the derivative by each token's sum, and sum it for each position and type, for a range of pieces.

    A piece is ``length`` of the ``steps`` positions, with the tokens of the whole batch there. It has a row of its own
    in ``segment_sum``, ``weight_sum`` and ``bias_sum``. Without a LayerNorm ``change`` is ``gradient``, and only read.
    """
    zero, _, share, _ = numbers
    row = np.empty(gradient.shape[1], gradient.dtype)
    for piece in range(first, last):
        segment_sum[piece] = zero
        weight_sum[piece] = zero
        bias_sum[piece] = zero
        for at in range(piece * length, min((piece + 1) * length, steps)):
            if position_sum.size:
                position_sum[at] = zero
            for i in range(at, gradient.shape[0], steps):
                _, token_row, place, kind = _find(i, ids, token, position, position_rows, start, segment, types, seq)
                if weight.size:
                    middle, scale = mean[i], rstd[i]
                    for j in range(row.size):
                        value = token[token_row, j] + (position[place, j] + segment[kind, j])
                        row[j] = (value - middle) * scale
                    _differentiate(i, piece, row, change, weight_sum, bias_sum, gradient, rstd, weight, share, zero)
                if position_sum.size:
                    _add(position_sum, at, change, i)
                if segment_sum.size:
                    kind = types[i % types.size]
                    if 0 <= kind < segment_sum.shape[1]:
                        _add(segment_sum[piece], kind, change, i)


@_compiled()
def sort(keys, count, order, offsets):
    """Order ``count`` tokens by the row that they read; those of row ``r`` begin at ``offsets[r]``.

    Tokens of one row keep their order. A key without a row is left out.
    """
    rows = offsets.size - 1
    offsets[:] = 0
    for i in range(count):
        key = keys[i % keys.size]
        if 0 <= key < rows:
            offsets[key + 1] += 1
    for row in range(rows):
        offsets[row + 1] += offsets[row]
    following = offsets[:-1].copy()
    for i in range(count):
        key = keys[i % keys.size]
        if 0 <= key < rows:
            order[following[key]] = i
            following[key] += 1


@_compiled()
def rows(out, change, order, offsets, padding, add, fill, first, last):
    """Write rows ``first`` to ``last`` of a table's gradient.

    With ``add``, add to what they hold. Rows that no token reads become zero with ``fill``, and stay without it.
    """
    for row in range(first, last):
        begin, end = offsets[row], offsets[row + 1]
        if row == padding:
            end = begin
        if begin < end and not add:
            for j in range(out.shape[1]):
                out[row, j] = change[order[begin], j]
            begin += 1
        elif begin == end and fill:
            out[row] = 0
        for place in range(begin, end):
            _add(out, row, change, order[place])


@_compiled()
def clear(out, ids, first, last):
    """Set the rows ``ids[first:last]`` to zero; an id without a row is left out."""
    for i in range(first, last):
        if 0 <= ids[i] < out.shape[0]:
            out[ids[i]] = 0
