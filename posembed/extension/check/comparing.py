"""Compare what source and copy give for the same input."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from posembed.extension.check.reading import DoesNotRunError

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Two float32 forward passes over the same numbers differ by less, however their kernels divide the work."""


def leading(
    before: Sequence[Tensor], after: Sequence[Tensor], grown: Collection[tuple[int, int]], kept: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Return both outputs, cut to the kept positions along each axis that has the length of a table that changes.

    Some models, such as Perceiver's language model, give one row per row of their table, however short the input is.

    Args:
        before: outputs of the source.
        after: outputs of the copy.
        grown: lengths of each table, before and after.
        kept: number of leading positions whose rows are the old ones.
    """
    pairs = [_leading(old, new, grown, kept) for old, new in zip(before, after, strict=True)]
    return [old for old, _ in pairs], [new for _, new in pairs]


def _leading(old: Tensor, new: Tensor, grown: Collection[tuple[int, int]], kept: int) -> tuple[Tensor, Tensor]:
    if old.dim() == new.dim():
        for axis, sizes in enumerate(zip(old.shape, new.shape, strict=True)):
            if sizes[0] != sizes[1] and sizes in grown:
                count = min(*sizes, kept)
                old, new = old.narrow(axis, 0, count), new.narrow(axis, 0, count)
    return old, new


def compare(before: list[Tensor], after: list[Tensor], what: str) -> None:
    """Require that two runs gave the same; ``what`` begins the sentence otherwise, such as ``"8 tokens give"``.

    Raises:
        DoesNotRunError: if they did not.
    """
    for old, new in zip(before, after, strict=True):
        if old.shape != new.shape:
            raise DoesNotRunError(f"{what} an output of shape {list(new.shape)}, not {list(old.shape)}")
        if not torch.allclose(old, new, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
            difference = float((old - new).abs().max())
            raise DoesNotRunError(f"{what} other outputs than in the source (by up to {difference:.2g})")
