"""A position embedding that selects a table by input length, so that short inputs keep their original rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError


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
        InvalidArgumentError: for tables and limits that do not fit each other.
        PositionOutOfRangeError: for a real token past the last limit.

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
        _check(tables, limits, reserved)
        self.reserved = reserved
        self.padding_idx = padding_idx
        self.embedding_dim = int(tables[0].shape[1])
        self.weight = nn.Parameter(torch.cat([table.detach() for table in tables]))
        self.register_buffer("limits", torch.tensor(limits, device=self.weight.device), persistent=False)
        sizes = torch.tensor([0, *(reserved + limit for limit in limits[:-1])], device=self.weight.device)
        self.register_buffer("offsets", sizes.cumsum(0), persistent=False)
        #: ``[batch, …]``, not 0 where a token is real; its last columns are those of the rows. ``None``: all are real.
        self.mask: Tensor | None = None
        #: Longest length that the input will reach, where it is fed piece by piece; ``None``: what there is now.
        self.planned: int | None = None

    @property
    def num_embeddings(self) -> int:
        """Rows of the longest table, reserved rows among them."""
        return self.reserved + int(self.limits[-1])

    def table(self, number: int) -> Tensor:
        """One of the tables, ``[reserved + limit, d_model]``, a view of ``weight``."""
        begin = int(self.offsets[number])
        return self.weight[begin : begin + self.reserved + int(self.limits[number])]

    @contextmanager
    def planning(self, length: int) -> Iterator[None]:
        """Read the table for inputs of ``length`` positions, whatever is fed.

        Cached decoding needs it: keys that were computed with one table must not meet those of another.
        """
        before, self.planned = self.planned, length
        try:
            yield
        finally:
            self.planned = before

    def forward(self, rows: Tensor) -> Tensor:
        """Look up row numbers, each row of the batch in the table of its length."""
        real = self._real(rows)
        extents = torch.where(real, rows + 1 - self.reserved, 0).amax(dim=-1)
        if self.planned is not None:
            extents = torch.clamp(extents, min=self.planned)
        number = torch.bucketize(extents, self.limits)
        if bool((number >= len(self.limits)).any()):
            last = int(self.limits[-1])
            raise PositionOutOfRangeError(
                f"position {int(extents.max()) - 1} has no row: the longest table has {last} positions. Truncate the "
                f"input to {last} tokens, or extend the model to more"
            )
        # Padding may stand past the end of the table that the row reads; what it reads reaches no real token.
        ends = self.reserved + self.limits[number] - 1
        inside = torch.minimum(rows, ends[:, None])
        found = F.embedding(inside + self.offsets[number][:, None], self.weight)
        if self.padding_idx is None:
            return found
        # The padding row of each table gets no gradient, as nn.Embedding has it for its one.
        return torch.where((rows == self.padding_idx)[..., None], found.detach(), found)

    def _real(self, rows: Tensor) -> Tensor:
        if rows.dim() != 2:
            raise ArgumentTypeError(f"rows of shape {list(rows.shape)} must be [batch, seq]")
        if self.mask is None:
            return torch.ones_like(rows, dtype=torch.bool)
        mask = self.mask[:, -rows.shape[1] :].to(device=rows.device) != 0
        if rows.shape[0] not in (1, mask.shape[0]) or mask.shape[1] != rows.shape[1]:
            raise InvalidArgumentError(
                f"the attention mask is {list(self.mask.shape)}, which does not fit positions of shape "
                f"{list(rows.shape)}"
            )
        return mask

    def extra_repr(self) -> str:
        """Limits, reserved rows and width, for ``repr``."""
        return f"limits={self.limits.tolist()}, reserved={self.reserved}, d_model={self.embedding_dim}"


def _check(tables: Sequence[Tensor], limits: Sequence[int], reserved: int) -> None:
    if not tables or len(tables) != len(limits):
        raise InvalidArgumentError(f"{len(tables)} tables and {len(limits)} limits: one table for each limit")
    if list(limits) != sorted(set(limits)) or limits[0] < 1:
        raise InvalidArgumentError(f"limits={list(limits)} must be increasing and at least 1")
    for table, limit in zip(tables, limits, strict=True):
        if table.dim() != 2 or table.shape[0] != reserved + limit or table.shape[1] != tables[0].shape[1]:
            raise InvalidArgumentError(
                f"a table of shape {list(table.shape)} does not fit limit {limit} with {reserved} reserved rows and "
                f"width {tables[0].shape[-1]}: it must be [{reserved + limit}, {tables[0].shape[-1]}]"
            )
