"""A position embedding that selects a table by input length, so that short inputs keep their original rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn.checks import readable_values, require_count, require_device, require_integers, require_mask


class LengthAwareEmbedding(nn.Module):
    """Takes the place of a model's ``nn.Embedding`` of positions: which table is read follows from each input's length.

    There is one table for each limit. An input reads the table of the smallest limit that its positions fit into: with
    limits 512 and 4,096 an input of up to 512 positions reads the first table, bit for bit as before, and a longer one
    the second. Each row of a batch chooses by itself: its extent is the last position of a real token, which the
    attention mask tells (``mask``); padding never counts.

    Args:
        tables: one ``[reserved + limit, d_model]`` tensor for each limit, in the order of the limits.
        limits: usable positions of each table, rising.
        reserved: rows before position 0, the same in every table.
        padding_idx: the row that padding reads, in every table; it gets no gradient.

    Shapes:
        ``module(rows)`` takes row numbers as ``nn.Embedding`` does (``row = reserved + position``), ``[batch, seq]``
        or ``[1, seq]``, and gives ``[batch, seq, d_model]``.

    Raises:
        InvalidArgumentError: for tables and limits that do not fit each other, or a mask that does not fit the rows.
        PositionOutOfRangeError: for a negative row, or a real token past the last limit. This is checked on every
            device; under ``torch.compile`` it is an assertion in the graph.

    Example:
        >>> module = LengthAwareEmbedding([torch.zeros(2, 1), torch.ones(4, 1)], [2, 4])
        >>> module.mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
        >>> module(torch.tensor([[0, 1, 2]])).squeeze(-1).tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """

    limits: Tensor
    offsets: Tensor

    def __init__(
        self, tables: Sequence[Tensor], limits: Sequence[int], *, reserved: int = 0, padding_idx: int | None = None
    ) -> None:
        super().__init__()
        _check(tables, limits, reserved, padding_idx)
        self.reserved = reserved
        self.padding_idx = padding_idx
        self.embedding_dim = int(tables[0].shape[1])
        self.weight = nn.Parameter(torch.cat([table.detach() for table in tables]))
        self._limits = tuple(int(limit) for limit in limits)
        self._set_buffers()
        #: ``[batch, …]``, not 0 where a token is real; its last columns are those of the rows. ``None``: all are real.
        self.mask: Tensor | None = None
        #: Longest length that the input will reach, where it is fed piece by piece; ``None``: what there is now.
        self.planned: int | None = None

    def _set_buffers(self) -> None:
        limits = torch.tensor(self._limits, device=self.weight.device)
        self.register_buffer("limits", limits, persistent=False)
        offsets = F.pad((limits + self.reserved).cumsum(0), (1, 0))[:-1]
        self.register_buffer("offsets", offsets, persistent=False)

    def _apply(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> LengthAwareEmbedding:
        super()._apply(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        self._set_buffers()  # to_empty leaves buffers without values, and .type(dtype) casts them
        return self

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any, **named: Any) -> None:
        given, errors = state_dict.get(f"{prefix}weight"), arguments[4] if len(arguments) > 4 else named["error_msgs"]
        if given is not None and tuple(given.shape) == (self.num_embeddings, self.embedding_dim) != self.weight.shape:
            errors.append(
                f"{prefix}weight is the longest table alone, as save_pretrained writes it into the checkpoint; all "
                "tables are beside it. Load the checkpoint with from_pretrained and posembed.load_length_aware (a "
                "Trainer: give it that model, without resume_from_checkpoint or load_best_model_at_end)"
            )
            return
        super()._load_from_state_dict(state_dict, prefix, *arguments, **named)

    @property
    def num_embeddings(self) -> int:
        """Rows of the longest table, reserved rows among them."""
        return self.reserved + self._limits[-1]

    def table(self, number: int, weight: Tensor | None = None) -> Tensor:
        """Return one of the tables, ``[reserved + limit, d_model]``, a view of ``weight``, by default the module's."""
        rows = self.weight if weight is None else weight
        return torch.split(rows, [self.reserved + limit for limit in self._limits])[number]

    @contextmanager
    def planning(self, length: int) -> Iterator[None]:
        """Read the table for inputs of ``length`` positions, whatever is fed.

        Cached decoding needs it: keys that were computed with one table must not meet those of another.

        Raises:
            PositionOutOfRangeError: if no table has so many positions.
        """
        require_count("length", length)
        if length > self._limits[-1]:
            raise PositionOutOfRangeError(self._past_the_end(length - 1))
        before, self.planned = self.planned, length
        try:
            yield
        finally:
            self.planned = before

    def forward(self, rows: Tensor) -> Tensor:
        """Look up row numbers, each row of the batch in the table of its length."""
        require_integers("rows", rows)
        if rows.dim() != 2:
            raise ArgumentTypeError(f"rows of shape {list(rows.shape)} must be [batch, seq]")
        require_device("rows", rows, self.weight.device, "the table")
        rows = rows.to(torch.int64)
        real = self._real(rows)
        self._check_rows(rows, real)
        if rows.shape[1] == 0:  # no token, so no last one
            return F.embedding(rows.expand(real.shape), self.weight)
        extents = torch.where(real, rows + 1 - self.reserved, 0).amax(dim=-1)
        if self.planned is not None:
            extents = torch.clamp(extents, min=self.planned)
        number = (extents[:, None] > self.limits).sum(dim=-1)
        # Padding may stand past the end of the table that the row reads; what it reads reaches no real token.
        ends = self.reserved + self.limits[number] - 1
        inside = torch.minimum(rows, ends[:, None])
        found = F.embedding(inside + self.offsets[number][:, None], self.weight)
        if self.padding_idx is None:
            return found
        # The padding row of each table gets no gradient, as nn.Embedding has it for its one.
        return torch.where((rows == self.padding_idx)[..., None], found.detach(), found)

    def _real(self, rows: Tensor) -> Tensor:
        if self.mask is None:
            return torch.ones_like(rows, dtype=torch.bool)
        mask, seq = self.mask, rows.shape[1]
        require_mask(mask)
        if mask.dim() != 2 or rows.shape[0] not in (1, mask.shape[0]) or mask.shape[1] < seq:
            raise InvalidArgumentError(
                f"the attention mask is {list(mask.shape)}, which does not fit positions of shape {list(rows.shape)}"
            )
        if mask.is_meta and not rows.is_meta:  # other devices are copied from
            require_device("attention_mask", mask, rows.device, "the rows")
        refuse_additive(mask)
        return mask[:, mask.shape[1] - seq :].to(device=rows.device) != 0

    def _check_rows(self, rows: Tensor, real: Tensor) -> None:
        end = self.num_embeddings
        wrong = (rows < 0) | (real & (rows >= end))
        if torch.compiler.is_compiling():
            torch._assert_async(~wrong.any(), f"a row is outside 0 to {end - 1}: {self._past_the_end(None)}")
            return
        values = readable_values(wrong, anywhere=True)
        if values is None or not bool(values.any()):
            return
        offending = readable_values(torch.where(wrong, rows, 0), anywhere=True)
        assert offending is not None
        low, high = (int(value) for value in torch.aminmax(offending))
        if low < 0:
            raise PositionOutOfRangeError(
                f"row {low} is negative: rows count from 0, and row = reserved ({self.reserved}) + position; mark "
                "padding with attention_mask"
            )
        raise PositionOutOfRangeError(self._past_the_end(high - self.reserved))

    def _past_the_end(self, position: int | None) -> str:
        last = self._limits[-1]
        start = "" if position is None else f"position {position} has no row: "
        return (
            f"{start}the longest table has {last} positions. Truncate the input to {last} tokens, or extend the model "
            "to more"
        )

    def extra_repr(self) -> str:
        """Return limits, reserved rows and width, for ``repr``."""
        return f"limits={list(self._limits)}, reserved={self.reserved}, d_model={self.embedding_dim}"


def refuse_additive(mask: Tensor) -> None:
    """Reject an attention mask of 0 and −∞, in which 0 would mean a real token."""
    if torch.compiler.is_compiling() or mask.dtype in (
        torch.bool,
        torch.uint8,
        torch.uint16,
        torch.uint32,
        torch.uint64,
    ):
        return
    values = readable_values(mask)
    if values is not None and not bool((values >= 0).all()):
        raise InvalidArgumentError(
            f"attention_mask contains {values.amin().item()}; allowed are 1 (token) and 0 (padding). Additive masks "
            "must be turned into 0/1 first"
        )


def _check(tables: Sequence[Tensor], limits: Sequence[int], reserved: int, padding_idx: int | None) -> None:
    require_count("reserved", reserved)
    if len(tables) == 0 or len(tables) != len(limits):
        raise InvalidArgumentError(f"{len(tables)} tables and {len(limits)} limits: one table for each limit")
    if list(limits) != sorted(set(limits)) or limits[0] < 1:
        raise InvalidArgumentError(f"limits={list(limits)} must be increasing and at least 1")
    first = tables[0]
    for table, limit in zip(tables, limits, strict=True):
        if table.dim() != 2 or table.shape[0] != reserved + limit or table.shape[1] != first.shape[1]:
            raise InvalidArgumentError(
                f"a table of shape {list(table.shape)} does not fit limit {limit} with {reserved} reserved rows and "
                f"width {first.shape[-1]}: it must be [{reserved + limit}, {first.shape[-1]}]"
            )
        if not table.is_floating_point() or table.dtype != first.dtype or table.device != first.device:
            raise InvalidArgumentError(
                f"a table is {table.dtype} on {table.device}, the first {first.dtype} on {first.device}: all must have "
                "one floating-point type and one device"
            )
    if padding_idx is not None:
        require_count("padding_idx", padding_idx)
        if padding_idx >= reserved + limits[0]:
            raise InvalidArgumentError(
                f"padding_idx={padding_idx} is a row of every table, but the shortest has {reserved + limits[0]} rows"
            )
