"""Gather the inputs of the fused embedding from the modules whose tables it reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posembed.nn.checks import check_position_values
from posembed.nn.inputs import Where, as_index
from posembed.nn.kernels import reference
from posembed.nn.kernels.choose import Parts, Path
from posembed.nn.kernels.kept import KeptGradient
from posembed.nn.kernels.operator import fused_embedding
from posembed.nn.kernels.reference import NO_ROW, Inputs
from posembed.nn.learned import LearnedPositionalEmbedding


def embed(
    path: Path,
    parts: Parts,
    input_ids: Tensor,
    token_type_ids: Tensor | None,
    where: Where,
    kept: KeptGradient | None = None,
) -> Tensor:
    """Return the embedding of checked ids by the reference, the operator, or the kernels of the CPU.

    The parts must be unobserved, see :func:`posembed.nn.kernels.choose.why_not_fused`. ``kept`` is memory for the
    token table's gradient, which the kernels of the CPU use.
    """
    token, position, segment, norm, dropout = parts
    assert isinstance(token, nn.Embedding)
    inputs = Inputs(
        as_index(input_ids),
        token.weight,
        eps=norm.eps if isinstance(norm, nn.LayerNorm) else 0.0,
        token_padding=NO_ROW if token.padding_idx is None else token.padding_idx,
    )
    if isinstance(position, LearnedPositionalEmbedding):
        inputs = _with_positions(inputs, position, where)
    if isinstance(segment, nn.Embedding):
        inputs = inputs._replace(segment=segment.weight, types=token_type_ids)
        if token_type_ids is not None:
            inputs = inputs._replace(types=as_index(token_type_ids))
    if isinstance(norm, nn.LayerNorm):
        inputs = inputs._replace(weight=norm.weight, bias=norm.bias)
    if path == "cpu":
        from posembed.nn.kernels import cpu_function  # imports numba

        hidden = cpu_function.fused_embedding(inputs, kept)
        return hidden if dropout is None else dropout(hidden)
    if isinstance(dropout, nn.Dropout) and dropout.training and dropout.p:
        # A tensor, not a number: a compiled graph draws another one at each call, and no device waits for the host.
        seed = torch.randint(2**62, (1,), device=input_ids.device)
        inputs = inputs._replace(dropout=dropout.p, seed=seed)
    return reference.forward(inputs) if path == "reference" else fused_embedding(inputs)


def _with_positions(inputs: Inputs, module: LearnedPositionalEmbedding, where: Where) -> Inputs:
    padding = NO_ROW if module.padding_idx is None else module.padding_idx
    inputs = inputs._replace(position=module.weight, position_padding=padding)
    if where.ids is None:
        return inputs._replace(start=module.reserved + where.start)
    check_position_values(where.ids, module.rows, module.reserved)
    rows = where.ids.to(torch.int64) + module.reserved
    if where.padding_mask is not None and module.padding_idx is not None:
        rows = rows.masked_fill(where.padding_mask, module.padding_idx)
    return inputs._replace(position_rows=rows)
