"""What an extension does to short inputs: the same texts by the checkpoint and by the original."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from posembed.quality.evaluate.paired import bootstrap_interval
from posembed.quality.tasks.retrieval_set import generator

SHORTEST = 8  # tokens


def short_texts(texts: Sequence[Sequence[int]], count: int, longest: int, split: str, seed: int) -> list[list[int]]:
    """Stretches of held-out text of 8 to ``longest`` tokens, without special tokens."""
    draw = generator("short", split, longest, seed)
    stream = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    made = []
    for _ in range(count):
        size = int(draw.integers(min(SHORTEST, longest), longest + 1))
        begin = int(draw.integers(0, max(1, len(stream) - size)))
        made.append(stream[begin : begin + size].tolist())
    return made


def fidelity(found: NDArray[np.float32], original: NDArray[np.float32]) -> dict[str, Any]:
    """Cosine of each text's two vectors, and rank correlation of the similarities of all pairs of texts.

    Args:
        found: unit vectors by the checkpoint, ``[texts, d]``.
        original: unit vectors of the same texts by the original.

    Returns:
        ``texts``; ``cosine`` (mean with interval, ``least``); ``rank_correlation`` (Spearman); ``equal``: how many
        vectors are equal to the last bit.

    Example:
        >>> vectors = np.eye(3, dtype=np.float32)
        >>> fidelity(vectors, vectors)["equal"]
        3
    """
    cosines = np.clip((found.astype(np.float64) * original).sum(axis=1), -1.0, 1.0)
    upper = np.triu_indices(len(found), 1)
    one, other = ((vectors.astype(np.float64) @ vectors.T)[upper] for vectors in (found, original))
    spread = len(one) > 1 and np.ptp(one) > 0 and np.ptp(other) > 0
    return {
        "texts": len(found),
        "cosine": bootstrap_interval(cosines) | {"least": float(cosines.min())},
        "rank_correlation": float(stats.spearmanr(one, other).statistic) if spread else None,
        "equal": int((found == original).all(axis=1).sum()),
    }
