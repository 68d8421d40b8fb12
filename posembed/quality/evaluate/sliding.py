"""The sliding window: what a model of the old length can do with a longer text."""

from __future__ import annotations

import numpy as np

from posembed.quality.models.language import Chosen, Ids
from posembed.quality.models.scorer import Losses, Scorer

# Windows move by half their length, so every token past the first window is predicted with at least half a window of
# context. Smaller steps would show more of it, at a cost that grows as fast; this is the stride of the usual evaluation
# of perplexity by overlapping windows (Transformers' guide "Perplexity of fixed-length models": 512 of 1,024).
STRIDE = 0.5


def sliding_losses(scorer: Scorer, ids: Ids, chosen: Chosen, window: int) -> Losses:
    """Return losses ``[documents, seq]`` by windows of ``window`` tokens that move by half their length.

    Each token's loss comes from the window that shows it with most context, as the scorer's kind of model counts it:
    for a causal model the window with most tokens before it, for a masked one the window whose middle is nearest.

    Args:
        scorer: of the model before it was extended.
        ids: token ids ``[documents, seq]``.
        chosen: which of them to predict, ``[documents, seq]``.
        window: the model's longest input.
    """
    length = ids.shape[1]
    if length <= window:
        return scorer.losses(ids, chosen)
    losses = np.full(ids.shape, np.nan)
    shown = np.full(length, -1.0)
    context = scorer.kind.context(window)
    for begin in window_starts(length, window):
        part = slice(begin, begin + window)
        better = context > shown[part]
        losses[:, part][:, better] = scorer.losses(ids[:, part], chosen[:, part])[:, better]
        shown[part][better] = context[better]
    return losses


def window_starts(length: int, window: int) -> list[int]:
    """Return where windows start that cover a longer input; the last one ends where the input ends.

    Example:
        >>> window_starts(20, 8)
        [0, 4, 8, 12]
        >>> window_starts(21, 8)
        [0, 4, 8, 12, 13]
    """
    step = max(1, int(window * STRIDE))
    return [*range(0, length - window, step), length - window]
