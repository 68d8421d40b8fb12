"""The fused embedding by compiled code on the CPU: one pass over memory forward, two backward.

Forward, a row is summed and normalized while it is in the processor's nearest cache. Backward, the first pass writes
the derivative by each token's sum, and sums it for each consecutive position and each type on the way; the second sums
it for each row of a table that is read by ids, which a counting sort has put in order. So each row of a gradient is
written once and by one thread, memory need not be zero before, and no sum depends on the number of threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.nn.kernels import cpu_kernels as kernels
from posembed.nn.kernels.reference import NO_ROW, Gradients, Inputs, Wanted
from posembed.nn.kernels.threads import even, parts, share

Array = NDArray[Any]
# Tokens whose sums go into one partial sum of the LayerNorm's and the segments' gradients: enough that these take
# little memory beside the activation, and few enough that a float32 sum of so many loses no more than PyTorch's.
_PIECE = 256
# Rows of a segment table that are summed on the way; a larger one is summed by ids, as the token table.
_MOST_TYPES = 16


def forward(x: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result before dropout, and mean and reciprocal deviation of each token's sum (empty with no norm).

    Tables are contiguous, float32 or float64, and on the CPU.
    """
    n, width = x.ids.numel(), x.token.shape[1]
    out = torch.empty(*x.ids.shape, width, dtype=x.token.dtype)
    mean, rstd = (torch.empty(0 if x.weight is None else n, dtype=x.token.dtype) for _ in range(2))
    rows, read = out.view(n, width).numpy(), _sum_arguments(x)
    if x.weight is None:
        share(lambda first, last: kernels.add_rows(rows, *read, first, last), even(n, width))
    else:
        read += (values_of(x.weight), _or_zeros(x.bias, x.weight), _numbers(x))
        written = (rows, mean.numpy(), rstd.numpy())
        share(lambda first, last: kernels.normalize_rows(*written, *read, first, last), even(n, width))
    return out, mean, rstd


def backward(
    gradient: Tensor,
    mean: Tensor,
    rstd: Tensor,
    x: Inputs,
    wanted: Wanted,
    out: Tensor,
    *,
    add: bool = False,
    fill: bool = True,
) -> Gradients:
    """Return the wanted gradients; an empty tensor where there is none or none was wanted.

    Args:
        gradient: of the result of :func:`forward`.
        mean: as it returned.
        rstd: as it returned.
        x: as it was given.
        wanted: the gradients to compute.
        out: receives the gradient of the token table, if that is wanted; its values may be anything.
        add: add the gradient to the values of ``out``.
        fill: set rows of ``out`` to zero that no token reads.
    """
    first = _first_pass(gradient.contiguous(), mean, rstd, x, wanted)
    none = gradient.new_empty
    if wanted[0]:
        _by_rows(first.change, x.ids, out, x.token_padding, add=add, fill=fill)
    return Gradients(
        out if wanted[0] else none(0),
        _position(first, x, x.position) if wanted[1] and x.position is not None else none(0),
        _segment(first, x, x.segment) if wanted[2] and x.segment is not None else none(0),
        first.weight if wanted[3] and x.weight is not None else none(0),
        first.bias if wanted[4] and x.bias is not None else none(0),
    )


class _FirstPass(NamedTuple):
    """The derivative by each token's sum ``[n, d]``, and its sums; empty where they were not taken."""

    change: Array
    position: Tensor
    segment: Tensor
    weight: Tensor
    bias: Tensor


def _first_pass(gradient: Tensor, mean: Tensor, rstd: Tensor, x: Inputs, wanted: Wanted) -> _FirstPass:
    n, width = x.ids.numel(), x.token.shape[1]
    given = gradient.view(n, width)
    consecutive = wanted[1] and x.position is not None and x.position_rows is None
    types = x.segment.shape[0] if wanted[2] and x.segment is not None else 0
    types = types if types <= _MOST_TYPES else 0
    norm = 0 if x.weight is None else width
    # Positions that are consecutive are walked one by one, each through the whole batch, and so have one sum each.
    seq = x.ids.shape[-1] if consecutive else n
    length = max(1, _PIECE * seq // max(n, 1))
    pieces = -(-seq // length)
    change = torch.empty_like(given) if norm else given
    position = given.new_empty(seq if consecutive else 0, width)
    segment, weight, bias = (given.new_empty(pieces, *size) for size in ((types, width), (norm,), (norm,)))
    if norm or consecutive or types:
        written = tuple(each.numpy() for each in (change, position, segment, weight, bias))
        weight_row = given.new_empty(0) if x.weight is None else x.weight
        read = (given.numpy(), mean.numpy(), rstd.numpy(), *_sum_arguments(x), values_of(weight_row), _numbers(x))
        share(
            lambda first, last: kernels.change(*written, *read, seq, length, first, last),
            even(pieces, length * width * max(n, 1) // max(seq, 1)),
        )
    return _FirstPass(change.numpy(), position, segment.sum(0), weight.sum(0), bias.sum(0))


def _position(first: _FirstPass, x: Inputs, table: Tensor) -> Tensor:
    if x.position_rows is not None:
        return _by_rows(first.change, x.position_rows, torch.empty_like(table), x.position_padding)
    out = torch.zeros_like(table)
    read = out[x.start : x.start + len(first.position)]
    read.copy_(first.position[: len(read)])
    if x.position_padding != NO_ROW:
        out[x.position_padding] = 0
    return out


def _segment(first: _FirstPass, x: Inputs, table: Tensor) -> Tensor:
    if table.shape[0] <= _MOST_TYPES:
        return first.segment
    types = x.ids.new_zeros(1) if x.types is None else x.types
    return _by_rows(first.change, types, torch.empty_like(table), NO_ROW)


def _by_rows(change: Array, keys: Tensor, out: Tensor, padding: int, *, add: bool = False, fill: bool = True) -> Tensor:
    """Write the gradient of a table: for each row, the sum of the changes of the tokens that read it."""
    n, width = change.shape
    order, offsets = np.empty(n, np.int64), np.empty(out.shape[0] + 1, np.int64)
    kernels.sort(_ids(keys), n, order, offsets)
    # A thread's share is the rows that it writes and the changes that it reads.
    cost = offsets + np.arange(len(offsets))
    number = parts(int(cost[-1]) * width, out.shape[0])
    bounds = np.searchsorted(cost, np.linspace(0, cost[-1], number + 1)).tolist()
    table = out.numpy()
    share(lambda first, last: kernels.rows(table, change, order, offsets, padding, add, fill, first, last), bounds)
    return out


def _sum_arguments(x: Inputs) -> tuple[Any, ...]:
    """Return the arguments of the kernels' ``_find``."""
    none, consecutive, absent = np.zeros(1, np.int64), np.empty(0, np.int64), x.token[:1]
    position_rows = consecutive if x.position_rows is None else _ids(x.position_rows)
    types = none if x.types is None else _ids(x.types)
    return (
        *(_ids(x.ids), values_of(x.token)),
        *(_or_zeros(x.position, absent), none if x.position is None else position_rows, x.start),
        *(_or_zeros(x.segment, absent), none if x.segment is None else types),
        max(1, x.ids.shape[-1]),
    )


class _Memory:
    """A tensor's memory in NumPy's terms."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor  # whose memory lives as long as the array
        place = (tensor.data_ptr(), False)
        self.__array_interface__ = {
            "data": place, "shape": tuple(tensor.shape), "typestr": dtype_of(tensor).str, "version": 3
        }  # fmt: skip


def dtype_of(table: Tensor) -> np.dtype[Any]:
    """Return NumPy's name of a tensor's dtype."""
    return np.dtype(str(table.dtype).removeprefix("torch."))


def values_of(table: Tensor) -> Array:
    """Return the values of a contiguous table as an array that shares its memory.

    ``Tensor.numpy`` would forbid that the memory is ever resized, and FSDP2 frees that of whole tables by resizing it.
    """
    return np.asarray(_Memory(table))


def _ids(ids: Tensor) -> Array:
    return ids.to(torch.int64).contiguous().view(-1).numpy()


def _or_zeros(table: Tensor | None, like: Tensor) -> Array:
    """Return the values of a table, or zeros like another where there is none."""
    return np.zeros_like(values_of(like)) if table is None else values_of(table)


def _numbers(x: Inputs) -> tuple[Any, ...]:
    kind: Any = np.float64 if x.token.dtype == torch.float64 else np.float32
    return kind(0), kind(1), kind(1 / x.token.shape[1]), kind(x.eps)
