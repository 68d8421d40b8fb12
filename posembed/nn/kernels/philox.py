"""Random bits that are a function of (seed, row, column), so that two implementations drop the same elements."""

from __future__ import annotations

import torch
from torch import Tensor

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)  # these and the increments are constants of Philox 4x32
_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10  # the number in Philox4x32-10, which cuRAND, PyTorch and Triton use too
_LOW = 0xFFFFFFFF
LANES = 4  # numbers that one evaluation gives: four neighboring columns share it
# Bits are compared as signed 32-bit integers in the kernels, so one of the 32 is dropped.
BITS = 31


def philox(seed: Tensor, counters: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return the four 32-bit numbers of Philox4x32-10 for a 64-bit seed and four 32-bit counters, as int64.

    Source:
        Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405.

    Example:
        >>> zero = torch.zeros(1, dtype=torch.int64)
        >>> [hex(int(number)) for number in philox(zero, (zero, zero, zero, zero))]
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c0, c1, c2, c3 = counters
    k0, k1 = seed & _LOW, (seed >> 32) & _LOW
    for _ in range(_ROUNDS):
        first, second = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]  # int64 wraps, which leaves all 64 bits right
        c0, c1 = ((second >> 32) & _LOW) ^ c1 ^ k0, second & _LOW
        c2, c3 = ((first >> 32) & _LOW) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + _INCREMENTS[0]) & _LOW, (k1 + _INCREMENTS[1]) & _LOW
    return c0, c1, c2, c3


def threshold(dropout: float) -> int:
    """Return the number of the ``2 ** 31`` equally likely values for which an element is dropped."""
    return int(dropout * 2**BITS)


def keep_mask(seed: Tensor, rows: int, width: int, dropout: float) -> Tensor:
    """Return bool ``[rows, width]``, True for the elements that dropout keeps.

    Args:
        seed: int64 ``[1]``, on the device of the result.
        rows: number of tokens.
        width: elements of a row.
        dropout: probability of False, at least 0 and below 1.
    """
    column = torch.arange(-(-width // LANES), device=seed.device)[None, :]
    row = torch.arange(rows, device=seed.device)[:, None]
    zero = torch.zeros_like(row + column)
    numbers = philox(seed, (column + zero, row + zero, zero, zero))
    bits = torch.stack(numbers, dim=-1).flatten(1)[:, :width]
    return (bits >> (32 - BITS)) >= threshold(dropout)
