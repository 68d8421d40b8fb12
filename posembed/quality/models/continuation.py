"""Logits of several continuations of one long context, which is read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from posembed.quality.models.memory import device_of

Continue = Callable[[Tensor, Tensor], Tensor]
"""A context ``[seq]`` and continuations ``[count, tokens]`` to the logits that predict each of their tokens,
``[count, tokens, vocabulary]``."""
Logits = Callable[[Tensor], Tensor]


def continued_whole(logits: Logits) -> Continue:
    """Return the plain way: every continuation is read behind the whole context.

    Args:
        logits: of a causal model: token ids ``[batch, seq]`` to ``[batch, seq, vocabulary]``.
    """

    def result(context: Tensor, continuations: Tensor) -> Tensor:
        begin = len(context) - 1
        rows = [logits(torch.cat((context, each))[None])[0, begin:-1] for each in continuations]
        return torch.stack(rows).float()

    return result


def continued_cached(model: Any, precision: str) -> Continue:
    """Return a way that reads the context once, where the model keeps keys and values that can be cut again.

    Args:
        model: a causal model of Transformers.
        precision: ``"bf16"`` or ``"fp32"``.
    """
    device = device_of(model)

    def call(ids: Tensor, **more: Any) -> Any:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            return model(input_ids=ids[None].to(device), **more)

    def result(context: Tensor, continuations: Tensor) -> Tensor:
        size = len(context)
        output = call(context, use_cache=True)
        cache: Any = getattr(output, "past_key_values", None)
        if not hasattr(cache, "crop"):
            return continued_whole(lambda ids: call(ids[0]).logits)(context, continuations)
        first, rows = output.logits[0, -1:].float(), []
        # Length-aware positions, and those that are counted from the mask, are told how long the whole input is.
        mask = torch.ones(1, size + continuations.shape[1] - 1, dtype=torch.int64, device=device)
        for each in continuations:
            logits = call(each[:-1], past_key_values=cache, attention_mask=mask, use_cache=True).logits[0]
            rows.append(torch.cat((first, logits.float())))
            cache.crop(1 - continuations.shape[1])  # below 0: so many tokens are removed
        return torch.stack(rows)

    return result
