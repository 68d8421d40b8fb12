"""Attention of the lab's model: PyTorch's fused kernel, and a plain form that is faster in bf16 on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps queries, keys and values ``[batch, heads, length, width]`` to the outputs of the heads."""
_LONGEST_PLAIN = 1024  # the plain form stores all scores: length² numbers per head


def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool, bias: Tensor | None = None) -> Tensor:
    """Return scaled dot-product attention of ``[batch, heads, length, width]``.

    A ``bias`` ``[heads, length, length]`` is added to the scores in place of the causal mask, which it contains.

    PyTorch's fused kernel is the reference and serves every case but one: in bf16 on the CPU its backward pass takes
    about twice the time of plain matrix products at the lab's lengths (see benchmarks/training.py).
    """
    if q.dtype == torch.bfloat16 and q.device.type == "cpu" and q.shape[2] <= _LONGEST_PLAIN:
        return plain_attention(q, k, v, causal=causal, bias=bias)
    if bias is not None:  # accelerators want the queries' dtype
        mask = bias if q.device.type == "cpu" else bias.to(q.dtype)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool, bias: Tensor | None = None) -> Tensor:
    """Return the same by two batched products and a softmax; scores are rounded to the inputs' dtype."""
    batch, heads, length, width = q.shape
    q, k, v = (x.reshape(batch * heads, length, width) for x in (q, k, v))
    if bias is not None:
        added = bias.to(q.dtype).repeat(batch, 1, 1)
    else:
        added = torch.zeros(length, length, dtype=q.dtype, device=q.device)
        if causal:
            added.masked_fill_(torch.ones_like(added, dtype=torch.bool).triu_(1), float("-inf"))
    scores = torch.baddbmm(added, q, k.transpose(1, 2), alpha=width**-0.5)
    return torch.bmm(scores.softmax(dim=-1), v).view(batch, heads, length, width)
