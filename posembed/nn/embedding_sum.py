"""The sum inside TokenPositionEmbedding: token, position and segment rows, with as few passes over memory as possible.

The tables of unobserved submodules are read without a call, and their rows are added in place, see
:mod:`posembed.nn.observed`. Every other submodule is called as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.inputs import Where, as_index
from posembed.nn.learned import LearnedPositionalEmbedding, consecutive_rows, gather_rows
from posembed.nn.observed import add_to_fresh, is_observed


def position_rows(module: nn.Module | None, shape: torch.Size, where: Where, d_model: int) -> Tensor | None:
    """Return the rows of an input of ``shape``: ``[seq, d_model]``, or one for each of the positions in ``where``.

    They may be a view of the table: only for reading.
    """
    if module is None:
        return None
    wanted: tuple[int, ...] = (shape[-1], d_model)
    if where.ids is not None:
        options: dict[str, Tensor] = {}
        if where.padding_mask is not None and getattr(module, "padding_idx", None) is not None:
            options["padding_mask"] = where.padding_mask
        rows, wanted = module(where.ids, **options), (*where.ids.shape, d_model)
    elif isinstance(module, LearnedPositionalEmbedding) and not is_observed(module, LearnedPositionalEmbedding):
        rows = consecutive_rows(module, shape[-1], where.start, as_view=True)
    else:
        rows = module(shape[-1], where.start)
    assert isinstance(rows, Tensor)
    if rows.shape != wanted:  # adding them would silently broadcast
        raise InvalidArgumentError(
            f"position module {type(module).__name__} returned shape {list(rows.shape)} instead of {list(wanted)}"
        )
    return rows


def add_segment(rows: Tensor | None, segment: nn.Module, token_type_ids: Tensor | None, given: Tensor) -> Tensor:
    """Return the rows plus those of the token types; without any, every token of the input ``given`` has type 0."""
    if is_observed(segment, nn.Embedding) or not _looks_up_alone(segment):
        if token_type_ids is None:
            shape = given.shape[:-1] if given.is_floating_point() else given.shape
            token_type_ids = torch.zeros(shape, dtype=torch.int64, device=given.device)
        types: Tensor = segment(as_index(token_type_ids))
        fresh = False
    else:
        assert isinstance(segment.weight, Tensor)
        fresh = token_type_ids is not None
        types = segment.weight[0] if token_type_ids is None else gather_rows(segment.weight, as_index(token_type_ids))
    if rows is None:
        return types
    _require_same_device(rows, types)
    return add_to_fresh(types, rows) if fresh else rows + types


def _looks_up_alone(table: nn.Module) -> bool:
    """Return whether an embedding has none of the options by which it does more than look rows up."""
    options = (table.padding_idx, table.max_norm, table.scale_grad_by_freq or None, table.sparse or None)
    return all(option is None for option in options)


def add_tokens(rows: Tensor | None, token: nn.Module, input_ids: Tensor) -> Tensor:
    """Return the rows plus those of the tokens."""
    observed = is_observed(token, nn.Embedding)
    tokens: Tensor = token(as_index(input_ids))
    if rows is None:
        return tokens
    _require_same_device(rows, tokens)
    return tokens + rows if observed else add_to_fresh(tokens, rows)


def add_embeddings(rows: Tensor | None, inputs_embeds: Tensor) -> Tensor:
    """Return the rows plus the caller's embeddings, in memory of its own."""
    if rows is None:
        return inputs_embeds.clone()
    _require_same_device(rows, inputs_embeds)
    return inputs_embeds + rows


def _require_same_device(rows: Tensor, others: Tensor) -> None:
    if rows.device != others.device:
        raise InvalidArgumentError(
            f"the position rows are on device {rows.device}, the others on {others.device}: move the module to one "
            "device. A module built on the meta device needs position.to_empty(device=...), which computes sinusoids "
            "too: no state dict holds them"
        )
