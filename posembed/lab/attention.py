"""Attention of the lab's model: PyTorch's fused kernel, and a plain form that is faster in bf16 on the CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_LONGEST_PLAIN = 1024  # the plain form writes all scores: length² numbers a head


def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool) -> Tensor:
    """Scaled dot-product attention of ``[batch, heads, length, width]``.

    PyTorch's fused kernel is the reference and does all but one case: in bf16 on the CPU its backward takes about
    twice the time of plain matrix products at the lab's lengths (see benchmarks/training.py).
    """
    if q.dtype == torch.bfloat16 and q.device.type == "cpu" and q.shape[2] <= _LONGEST_PLAIN:
        return plain_attention(q, k, v, causal=causal)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool) -> Tensor:
    """The same by two batched products and a softmax; scores are rounded to the inputs' dtype."""
    batch, heads, length, width = q.shape
    q, k, v = (x.reshape(batch * heads, length, width) for x in (q, k, v))
    bias = torch.zeros(length, length, dtype=q.dtype, device=q.device)
    if causal:
        bias = bias.masked_fill_(torch.ones_like(bias, dtype=torch.bool).triu_(1), float("-inf"))
    scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=width**-0.5)
    return torch.bmm(scores.softmax(dim=-1), v).view(batch, heads, length, width)
