"""Turn the arguments of an embedding layer into positions: shapes are checked first, values after."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn.checks import (
    check_ids,
    out_of_range_text,
    require_count,
    require_dense,
    require_device,
    require_integers,
)
from posembed.nn.positions import check_lengths, check_mask, positions_from_lengths, positions_from_mask


class Bound(NamedTuple):
    """Size of the position table: its rows, and how many of them are usable (``None``: no limit)."""

    rows: int | None
    usable: int | None

    def check(self, length: int) -> None:
        """Raise unless positions ``0 … length − 1`` have rows. Integers only: no device is touched."""
        if self.usable is not None and length > self.usable:
            rows = self.usable if self.rows is None else self.rows
            raise PositionOutOfRangeError(out_of_range_text(length - 1, rows, rows - self.usable, self.usable))


class Where(NamedTuple):
    """Positions of an input: consecutive from ``start``, or ``ids`` if given; and which tokens are padding."""

    start: int
    ids: Tensor | None = None
    padding_mask: Tensor | None = None


def input_shape(input_ids: Tensor | None, inputs_embeds: Tensor | None, d_model: int) -> torch.Size:
    """Return the leading shape, ``[batch, seq]`` or ``[seq]``, of whichever of the two was given."""
    if (input_ids is None) == (inputs_embeds is None):
        raise InvalidArgumentError(
            "exactly one of input_ids and inputs_embeds must be given, "
            + ("neither was" if input_ids is None else "both were")
        )
    if input_ids is not None:
        require_integers("input_ids", input_ids)
        shape = input_ids.shape
    else:
        assert inputs_embeds is not None
        if not isinstance(inputs_embeds, Tensor):
            raise ArgumentTypeError(f"inputs_embeds must be a tensor, got {type(inputs_embeds).__name__}")
        if not inputs_embeds.is_floating_point():
            raise ArgumentTypeError(f"inputs_embeds has dtype {inputs_embeds.dtype}; it must be floating-point")
        require_dense("inputs_embeds", inputs_embeds)
        if inputs_embeds.dim() < 2 or inputs_embeds.shape[-1] != d_model:
            raise InvalidArgumentError(
                f"inputs_embeds has shape {list(inputs_embeds.shape)}; it must end with d_model={d_model}"
            )
        shape = inputs_embeds.shape[:-1]
    if torch._C._get_tracing_state() is not None:  # torch.jit.trace turns sizes into tensors, and fixes them anyway
        shape = torch.Size(int(size) for size in shape)
    if len(shape) not in (1, 2):
        raise InvalidArgumentError(f"the input has shape {list(shape)}; it must be [batch, seq] or [seq]")
    return shape


def resolve_positions(
    shape: torch.Size,
    device: torch.device,
    bound: Bound,
    *,
    position_ids: Tensor | None,
    attention_mask: Tensor | None,
    start: int,
    cu_seqlens: Tensor | None,
    max_seqlen: int | None,
) -> Where:
    """Turn the one argument that determines the positions into positions; reject contradictions.

    Raises:
        PositionOutOfRangeError: if a length that follows from shapes passes ``bound``, before any kernel runs.
        InvalidArgumentError: for two sources of positions, or shapes or devices that are not those of the input.
    """
    require_count("start", start)
    given = {"position_ids": position_ids, "attention_mask": attention_mask, "cu_seqlens": cu_seqlens}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise InvalidArgumentError(
            f"{' and '.join(named)} both determine the positions: give one of them "
            "(positions_from_mask and positions_from_lengths turn the others into position_ids)"
        )
    if start and (position_ids is not None or cu_seqlens is not None):
        raise InvalidArgumentError(f"start={start} and {named[0]} both determine the positions: give one of them")
    if max_seqlen is not None and cu_seqlens is None:
        raise InvalidArgumentError(f"max_seqlen={max_seqlen} goes with cu_seqlens, which was not given")
    for name, value in given.items():
        if isinstance(value, Tensor):
            require_device(name, value, device, "the input")
    if position_ids is not None:
        check_same_shape("position_ids", position_ids, shape)
        return Where(0, position_ids)
    if cu_seqlens is not None:
        return Where(0, _packed(shape, bound, cu_seqlens, max_seqlen))
    bound.check(start + shape[-1])
    return Where(start) if attention_mask is None else _masked(shape, attention_mask, start)


def _masked(shape: torch.Size, attention_mask: Tensor, start: int) -> Where:
    seq = shape[-1]
    check_mask(attention_mask)
    width = attention_mask.shape[1]
    # == instead of `in`: inside torch.compile, `in` treats a symbolic size as unequal to its own value
    if len(shape) != 2 or attention_mask.shape[0] != shape[0] or not (width == seq or width == start + seq):
        with_cache = f" or [batch, start + seq] = [{shape[0]}, {start + seq}]" if start and len(shape) == 2 else ""
        raise InvalidArgumentError(
            f"attention_mask has shape {list(attention_mask.shape)}; it must be [batch, seq] = "
            f"{list(shape)}{with_cache}"
        )
    if width == seq:
        return Where(start, positions_from_mask(attention_mask, start=start), attention_mask == 0)
    return Where(start, positions_from_mask(attention_mask)[:, start:], attention_mask[:, start:] == 0)


def _packed(shape: torch.Size, bound: Bound, cu_seqlens: Tensor, max_seqlen: int | None) -> Tensor:
    if len(shape) == 2 and shape[0] != 1:
        raise InvalidArgumentError(f"packed input must be [total] or [1, total], got {list(shape)}")
    if max_seqlen is not None:
        require_count("max_seqlen", max_seqlen)
        bound.check(max_seqlen)
    check_lengths(cu_seqlens, shape[-1], max_seqlen)
    return positions_from_lengths(cu_seqlens, shape[-1]).view(shape)


def check_same_shape(name: str, ids: Tensor, shape: torch.Size) -> None:
    """Accept the input's shape, or one row of ids for the whole batch; never broadcast along the sequence."""
    require_integers(name, ids)
    if ids.dim() == len(shape) and ids.shape == shape:  # sizes of other ranks, compared, would become guards
        return
    one_row = ids.dim() == 1 or (ids.dim() == 2 and ids.shape[0] == 1)
    if len(shape) == 2 and one_row and ids.shape[-1] == shape[1]:
        return
    raise InvalidArgumentError(
        f"{name} has shape {list(ids.shape)}, the input {list(shape)}; allowed are the input's shape or one row for "
        "the whole batch"
    )


def as_index(ids: Tensor) -> Tensor:
    """Widen integer types that PyTorch cannot index with."""
    return ids if ids.dtype in (torch.int64, torch.int32) else ids.to(torch.int64)


def check_rows(name: str, ids: Tensor, table: nn.Module, what: str) -> None:
    """Check ids against the rows and the device of a table. A class that took its place may have none to check."""
    weight = table.weight
    if not isinstance(weight, Tensor):
        require_integers(name, ids)
        return
    if type(table) is nn.Embedding and "forward" not in table.__dict__:  # a replaced forward may move table or ids
        require_device(name, ids, weight.device, "its table")
    check_ids(name, ids, weight.shape[0], what)
