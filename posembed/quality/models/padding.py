"""Rows of token ids of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return rows of numbers, padded on the right with 0, and the attention mask, both int64 ``[rows, longest]``.

    Example:
        >>> ids, mask = padded([[5, 7], [9]])
        >>> ids.tolist(), mask.tolist()
        ([[5, 7], [9, 0]], [[1, 1], [1, 0]])
    """
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
