"""The fused embedding in plain PyTorch: what every other implementation is compared with.

``dropout(norm(token row + (position row + segment row)))`` per token. Tables in float16 and bfloat16 are summed,
normalized and differentiated in float32, and the result is rounded once; float64 stays float64. An id without a row
reads NaN, so that a missing check shows in the result; it never reads outside a table, and no row gets its gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.nn.kernels.philox import keep_mask

NO_ROW = -1  # as padding_idx: every row of the table gets its gradient


class Inputs(NamedTuple):
    """What the operator takes; all tables and the norm have one dtype and one device.

    Attributes:
        ids: integers ``[batch, seq]`` or ``[total]``.
        token: ``[vocab, d]``.
        position: ``[rows, d]``, or ``None`` for no positions.
        position_rows: rows of ``position``, integers ``[batch, seq]``, ``[1, seq]`` or ``[seq]``; ``None`` for
            consecutive ones.
        start: the row of the first token where rows are consecutive.
        segment: ``[types, d]``, or ``None``.
        types: integers as ``position_rows``; ``None``: every token has type 0.
        weight: of the LayerNorm, ``[d]``, or ``None`` for no LayerNorm.
        bias: of the LayerNorm, ``[d]``, or ``None``.
        eps: of the LayerNorm.
        dropout: probability of dropout, at least 0 and below 1.
        seed: int64 ``[1]``; ``None`` for no dropout.
        token_padding: row of ``token`` without a gradient, −1 for none.
        position_padding: row of ``position`` without a gradient, −1 for none.
    """

    ids: Tensor
    token: Tensor
    position: Tensor | None = None
    position_rows: Tensor | None = None
    start: int = 0
    segment: Tensor | None = None
    types: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    eps: float = 1e-5
    dropout: float = 0.0
    seed: Tensor | None = None
    token_padding: int = NO_ROW
    position_padding: int = NO_ROW


class Gradients(NamedTuple):
    """Gradients of the tables and the LayerNorm; an empty tensor where there is none or none was wanted."""

    token: Tensor
    position: Tensor
    segment: Tensor
    weight: Tensor
    bias: Tensor


Wanted = tuple[bool, bool, bool, bool, bool]
ALL: Wanted = (True, True, True, True, True)


def forward(x: Inputs) -> Tensor:
    """Return the embedding of every token, ``[*ids.shape, d]`` in the dtype of the tables.

    Example:
        >>> token, position = torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [20.0], [30.0]])
        >>> forward(Inputs(torch.tensor([[1, 0]]), token, position, start=1))
        tensor([[[22.],
                 [31.]]])
    """
    hidden, wide = _sum(x), _wide(x.token.dtype)
    if x.weight is not None:
        bias = None if x.bias is None else x.bias.to(wide)
        hidden = F.layer_norm(hidden, hidden.shape[-1:], x.weight.to(wide), bias, x.eps)
    return _dropped(hidden, x).to(x.token.dtype)


def backward(gradient: Tensor, x: Inputs, wanted: Wanted = ALL) -> Gradients:
    """Return the gradients of :func:`forward` for a ``gradient`` of its result, by the formulas written out."""
    wide = _wide(x.token.dtype)
    width = x.token.shape[1]
    change = _dropped(gradient.to(wide), x)
    weight, bias = gradient.new_empty(0), gradient.new_empty(0)  # an operator returns no tensor twice
    if x.weight is not None:
        hidden = _sum(x)
        centered = hidden - hidden.mean(-1, keepdim=True)
        inverse = (centered.square().mean(-1, keepdim=True) + x.eps).rsqrt()
        normal = centered * inverse
        if wanted[3]:
            weight = (change * normal).reshape(-1, width).sum(0).to(x.weight.dtype)
        if x.bias is not None and wanted[4]:
            bias = change.reshape(-1, width).sum(0).to(x.bias.dtype)
        change = change * x.weight.to(wide)
        along = (change * normal).mean(-1, keepdim=True)
        change = (change - change.mean(-1, keepdim=True) - normal * along) * inverse
    return Gradients(
        _row_gradient(change, x.token, x.ids, x.token_padding) if wanted[0] else gradient.new_empty(0),
        _row_gradient(change, x.position, position_rows(x), x.position_padding) if wanted[1] else gradient.new_empty(0),
        _row_gradient(change, x.segment, token_types(x), NO_ROW) if wanted[2] else gradient.new_empty(0),
        weight,
        bias,
    )


def position_rows(x: Inputs) -> Tensor:
    """Return the rows of the position table, ``[seq]`` where they are consecutive."""
    if x.position_rows is not None:
        return x.position_rows
    return torch.arange(x.ids.shape[-1], device=x.ids.device) + x.start


def token_types(x: Inputs) -> Tensor:
    """Return the rows of the segment table."""
    return torch.zeros_like(x.ids) if x.types is None else x.types


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _sum(x: Inputs) -> Tensor:
    """Return the sum of the rows; positions and types come first, as in TokenPositionEmbedding."""
    hidden = _look_up(x.token, x.ids, x.token_padding)
    others = None if x.position is None else _look_up(x.position, position_rows(x), x.position_padding)
    if x.segment is not None:
        types = _look_up(x.segment, token_types(x), NO_ROW)
        others = types if others is None else others + types
    return hidden if others is None else hidden + others


def _look_up(table: Tensor, ids: Tensor, padding: int) -> Tensor:
    inside = (ids >= 0) & (ids < table.shape[0])
    rows = F.embedding(
        torch.where(inside, ids, 0), table.to(_wide(table.dtype)), None if padding == NO_ROW else padding
    )
    return rows.masked_fill(~inside[..., None], torch.nan)


def _dropped(values: Tensor, x: Inputs) -> Tensor:
    """Return the values after dropout; its derivative is the same function."""
    if x.seed is None:
        return values
    width = values.shape[-1]
    keep = keep_mask(x.seed, x.ids.numel(), width, x.dropout).reshape(values.shape)
    return torch.where(keep, values * (1 / (1 - x.dropout)), 0.0)


def _row_gradient(change: Tensor, table: Tensor | None, ids: Tensor, padding: int) -> Tensor:
    """Return the gradient of a table: the sum of the tokens' changes for each row."""
    if table is None:
        return change.new_empty(0, dtype=change.dtype)
    ids = ids.expand(change.shape[:-1]).reshape(-1)
    counts = (ids >= 0) & (ids < table.shape[0]) & (ids != padding)
    changes = torch.where(counts[:, None], change.reshape(-1, change.shape[-1]), 0.0)
    total = changes.new_zeros(table.shape)
    return total.index_add(0, torch.where(counts, ids, 0), changes).to(table.dtype)
