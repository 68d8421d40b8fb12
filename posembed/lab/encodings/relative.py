"""Encodings that act inside attention: rotary (RoPE) and linear biases (ALiBi)."""

from __future__ import annotations

import torch
from torch import Tensor

from posembed.lab.attention import Attend, attention
from posembed.lab.encodings.base import PositionEncoding
from posembed.records.unit import UnitConfig


class Rope(PositionEncoding):
    """Queries and keys turned by the angle of their position."""

    name = "rope"

    def attend(self, config: UnitConfig, length: int, device: torch.device) -> Attend:
        """Return attention of rotated queries and keys."""
        cos, sin = rope_tables(length, config.d_model // config.heads, device)
        causal = config.causal

        def attend_rotated(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            return attention(q, k, v, causal=causal)

        return attend_rotated

    def fixed_numbers(self, config: UnitConfig) -> int:
        """Return the size of the tables of cosines and sines."""
        return 2 * config.train_length * (config.d_model // config.heads)


class Alibi(PositionEncoding):
    """Attention scores that fall linearly with the distance."""

    name = "alibi"

    def attend(self, config: UnitConfig, length: int, device: torch.device) -> Attend:
        """Return attention with the bias of each head."""
        causal = config.causal
        bias = alibi_bias(config.heads, length, device, causal=causal)
        return lambda q, k, v: attention(q, k, v, causal=causal, bias=bias)

    def fixed_numbers(self, config: UnitConfig) -> int:
        """Return the size of the bias of all heads."""
        return config.heads * config.train_length**2


def rope_tables(length: int, width: int, device: torch.device, base: float = 10000.0) -> tuple[Tensor, Tensor]:
    """Return cosines and sines of the rotation angles, each float32 ``[length, width]``.

    Source: Su et al. 2021, arXiv:2104.09864.

    Dimension i is paired with i + width / 2, as in GPT-NeoX; the published form pairs neighbors, which is the same up
    to an order of the dimensions.

    Example:
        >>> cos, sin = rope_tables(2, 4, torch.device("cpu"))
        >>> cos[0].tolist(), sin[0].tolist()
        ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    """
    exact = torch.float32 if device.type == "mps" else torch.float64
    frequencies = base ** (-torch.arange(0, width, 2, device=device, dtype=exact) / width)
    angles = torch.arange(length, device=device, dtype=exact)[:, None] * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair of dimensions of ``x`` ``[..., length, width]`` by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


def alibi_bias(heads: int, length: int, device: torch.device, *, causal: bool) -> Tensor:
    """Return the attention bias ``−slope · |i − j|``, float32 ``[heads, length, length]``.

    Source: Press et al. 2022, arXiv:2108.12409.

    Slopes are the published ones: a geometric series for a power of two, else the series of the next lower power
    of two followed by every other slope of the next higher one. A causal bias is −inf above the diagonal.

    Example:
        >>> (-alibi_bias(8, 2, torch.device("cpu"), causal=False)[0]).tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    slopes = torch.tensor(_slopes(heads), device=device, dtype=torch.float32)
    positions = torch.arange(length, device=device)
    distance = (positions[:, None] - positions[None, :]).abs()
    bias = -slopes[:, None, None] * distance
    if causal:
        bias = bias.masked_fill(positions[None, :] > positions[:, None], float("-inf"))
    return bias


def _slopes(heads: int) -> list[float]:
    power = 1 << (heads.bit_length() - 1)
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    if power < heads:
        slopes += [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * (heads - power), 2)]
    return slopes
