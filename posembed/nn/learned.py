"""The trainable position table."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.nn.checks import (
    check_last_position,
    check_position_values,
    plain_count,
    refuse_start,
    require_count,
    require_dense,
    require_device,
    require_float_dtype,
)
from posembed.presets import Init, preset


def check_init(init: str, std: float) -> None:
    """Reject a distribution that cannot be sampled."""
    if not std >= 0:
        raise InvalidArgumentError(f"init_std={std} must not be negative")
    if init not in ("normal", "truncated_normal"):
        raise InvalidArgumentError(f"init={init!r} must be 'normal' or 'truncated_normal'")


def draw_rows(table: Tensor, init: Init, std: float, padding_idx: int | None) -> None:
    """Initialize a table in place; the padding row, if there is one, becomes zero."""
    if hasattr(table, "placements") and not table.is_meta:
        _draw_sharded(table, init, std, padding_idx)
        return
    if std == 0:
        nn.init.zeros_(table)  # PyTorch's truncated normal divides by std
    elif init == "truncated_normal":
        nn.init.trunc_normal_(table, std=std, a=-2 * std, b=2 * std)
    else:
        nn.init.normal_(table, std=std)
    if padding_idx is not None:
        with torch.no_grad():
            table[padding_idx].zero_()


def _draw_sharded(table: Any, init: Init, std: float, padding_idx: int | None) -> None:
    """Give a DTensor the rows that the first process draws for the whole table.

    Drawing and writing to a row of the DTensor itself would leave the padding row random. On CPUs whole tables would
    also differ between processes, whose random numbers PyTorch does not keep in step.
    """
    from torch.distributed.tensor import Replicate, distribute_tensor

    whole = torch.empty(table.shape, dtype=table.dtype, device=table.device)
    draw_rows(whole, init, std, padding_idx)
    with torch.no_grad():
        everywhere = distribute_tensor(whole, table.device_mesh, [Replicate()] * table.device_mesh.ndim)
        table.copy_(everywhere.redistribute(placements=table.placements))


def gather_rows(table: Tensor, rows: Tensor, padding_idx: int | None = None) -> Tensor:
    """Look rows up; even for a half-precision table, the gradient of each row is summed in float32."""
    if table.requires_grad and torch.is_grad_enabled() and table.dtype in (torch.bfloat16, torch.float16):
        # A gather's backward adds in the dtype of its table, and hundreds of additions in bfloat16 lose digits.
        # Widening the table first moves that sum to float32; the values are the same to the bit.
        return F.embedding(rows, table.float(), padding_idx).to(table.dtype)
    return F.embedding(rows, table, padding_idx)


def consecutive_rows(
    module: LearnedPositionalEmbedding, count: int, start: int = 0, *, as_view: bool = False
) -> Tensor:
    """Return what ``module(count, start)`` does; ``as_view`` saves the copy for a caller that only reads it."""
    require_count("positions", count)
    require_count("start", start)
    check_last_position(start + count, module.rows, module.reserved)
    if module.padding_idx is not None and module.padding_idx >= module.reserved:
        # The padding row is itself a position, and only a lookup can mask its gradient.
        positions = torch.arange(start, start + count, device=module.weight.device)
        return gather_rows(module.weight, positions + module.reserved, module.padding_idx)
    rows = module.weight.narrow(0, module.reserved + start, count)
    # A view would let its holder write to the table, and an optimizer's step would change rows that were kept.
    return rows if as_view else rows.clone()


class LearnedPositionalEmbedding(nn.Module):
    """A trainable table with one row per position, looked up by position.

    ``row = reserved + position``; positions count from 0. This module only looks rows up;
    :class:`posembed.TokenPositionEmbedding` adds them to token embeddings.

    Args:
        max_len: number of usable positions.
        d_model: width of a row.
        reserved: rows before position 0 that belong to no position (2 in RoBERTa and OPT).
        padding_idx: a row of this table that padding reads; it starts at zero and gets no gradient.
        init_std: standard deviation of the initial rows.
        init: ``"normal"`` or ``"truncated_normal"`` (cut at two standard deviations, as BERT).
        device: device of the table; ``"meta"`` allocates nothing until ``to_empty`` and ``reset_parameters``.
        dtype: dtype of the table. The gradient of a bfloat16 or float16 table is summed in float32.

    Shapes:
        ``pe(n, start=0)`` gives the rows of positions ``start … start + n − 1``, ``[n, d_model]``, without a gather;
        ``pe(positions)`` with integers ``[...]`` gives ``[..., d_model]``. The result is a copy: writing to it does
        not change the table.

    Raises:
        PositionOutOfRangeError: for a position without a row. For ``pe(n, start)`` this follows from integers
            alone, on every device; the values of a tensor are checked as :mod:`posembed.nn.checks` says.

    Source:
        Gehring et al. 2017, arXiv:1705.03122; Devlin et al. 2019, arXiv:1810.04805.

    Example:
        >>> pe = LearnedPositionalEmbedding(512, 768)
        >>> sum(p.numel() for p in pe.parameters())
        393216
        >>> pe(3, start=10).shape
        torch.Size([3, 768])
        >>> torch.equal(pe(torch.tensor([10, 11, 12])), pe(3, start=10))
        True
    """

    weight: nn.Parameter

    def __init__(
        self,
        max_len: int,
        d_model: int,
        *,
        reserved: int = 0,
        padding_idx: int | None = None,
        init_std: float = 0.02,
        init: Init = "normal",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_count("max_len", max_len, minimum=1)
        require_count("d_model", d_model, minimum=1)
        require_count("reserved", reserved)
        if padding_idx is not None:
            require_count("padding_idx", padding_idx)
            if padding_idx >= reserved + max_len:
                raise InvalidArgumentError(
                    f"padding_idx={padding_idx} is a row of the position table, which has {reserved + max_len} rows"
                )
        check_init(init, init_std)
        require_float_dtype(dtype)
        self.reserved = reserved
        self.padding_idx = padding_idx
        self.init_std = init_std
        self.init: Init = init
        self.weight = nn.Parameter(torch.empty(reserved + max_len, d_model, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_preset(cls, name: str, **overrides: Any) -> LearnedPositionalEmbedding:
        """Build the table of a published model with random rows; ``overrides`` are constructor arguments.

        Example:
            >>> LearnedPositionalEmbedding.from_preset("roberta-base")
            LearnedPositionalEmbedding(512, 768, reserved=2, padding_idx=1)
        """
        p = preset(name)
        arguments: dict[str, Any] = {
            "max_len": p.layout.usable_length,
            "d_model": p.d_model,
            "reserved": p.layout.reserved,
            "padding_idx": p.padding_idx,
            "init": p.init,
        }
        if p.init_std is not None:
            arguments["init_std"] = p.init_std
        return cls(**(arguments | overrides))

    def reset_parameters(self) -> None:
        """Reinitialize the table; the padding row, if there is one, becomes zero."""
        draw_rows(self.weight, self.init, self.init_std, self.padding_idx)

    # Sizes are read from the table itself: attributes would go stale when the table is replaced.

    @property
    def rows(self) -> int:
        """Rows of the table, reserved ones included."""
        return self.weight.shape[0]

    @property
    def d_model(self) -> int:
        """Width of a row."""
        return self.weight.shape[1]

    @property
    def usable_length(self) -> int:
        """Longest input in tokens, which is the rows without the reserved ones."""
        return self.weight.shape[0] - self.reserved

    @property
    def max_len(self) -> int:
        """The same as :attr:`usable_length`."""
        return self.usable_length

    @property
    def layout(self) -> TableLayout:
        """What the rows mean, as a :class:`posembed.TableLayout`."""
        return TableLayout(length=self.usable_length, reserved=self.reserved)

    def forward(self, positions: int | Tensor, start: int = 0, *, padding_mask: Tensor | None = None) -> Tensor:
        """Return rows by position: for a count ``n`` (with ``start``), or for a tensor of positions.

        Args:
            positions: ``n``, or an integer tensor ``[...]`` of 0-based positions.
            start: the first position, with ``n`` only.
            padding_mask: bool ``[...]``, True where a token is padding: it reads row ``padding_idx`` if the table
                has one, and is left at its position if not.
        """
        positions = plain_count(positions)
        if isinstance(positions, Tensor):
            refuse_start(start)
            return self._gather(positions, padding_mask)
        if padding_mask is not None:
            raise ArgumentTypeError("padding_mask goes with a tensor of positions, not with a number of them")
        return consecutive_rows(self, positions, start)

    def _gather(self, positions: Tensor, padding_mask: Tensor | None) -> Tensor:
        check_position_values(positions, self.rows, self.reserved)
        require_device("positions", positions, self.weight.device, "the table")
        rows = positions.to(torch.int64) + self.reserved
        if padding_mask is not None:
            if not isinstance(padding_mask, Tensor):
                raise ArgumentTypeError(f"padding_mask must be a bool tensor, got {type(padding_mask).__name__}")
            require_dense("padding_mask", padding_mask)
            require_device("padding_mask", padding_mask, positions.device, "the positions")
            if padding_mask.dtype != torch.bool or padding_mask.shape != positions.shape:
                raise InvalidArgumentError(
                    f"padding_mask has dtype {padding_mask.dtype} and shape {list(padding_mask.shape)}; it must be "
                    f"bool of the positions' shape {list(positions.shape)}"
                )
            if self.padding_idx is not None:
                rows = rows.masked_fill(padding_mask, self.padding_idx)
        return gather_rows(self.weight, rows, self.padding_idx)

    def extra_repr(self) -> str:
        """Return the constructor arguments that give this table."""
        text = f"{self.usable_length}, {self.d_model}"
        if self.reserved:
            text += f", reserved={self.reserved}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        return text
