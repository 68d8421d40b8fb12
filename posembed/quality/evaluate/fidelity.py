"""Fidelity to the original: how much the vectors of short inputs change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from posembed.quality.rng import generator
from posembed.records.evaluation import CosineSummary, Fidelity
from posembed.statistics import bootstrap_interval

# Tokens of the shortest text: below that, a text is hardly a sentence, and its vector is mostly that of its one rare
# word.
SHORTEST = 8


def short_texts(texts: Sequence[Sequence[int]], count: int, longest: int, split: str, seed: int) -> list[list[int]]:
    """Return stretches of held-out text of 8 to ``longest`` tokens.

    Args:
        texts: held-out documents in tokens.
        count: number of stretches.
        longest: tokens of the longest, without special tokens.
        split: name of the set that the texts are from.
        seed: random seed.

    Example:
        >>> {len(text) for text in short_texts([list(range(100))], 50, 9, "test", 0)}
        {8, 9}
    """
    rng = generator("short", split, longest, seed)
    stream = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    stretches = []
    for _ in range(count):
        size = int(rng.integers(min(SHORTEST, longest), longest + 1))
        begin = int(rng.integers(0, max(1, len(stream) - size)))
        stretches.append(stream[begin : begin + size].tolist())
    return stretches


def fidelity(vectors: NDArray[np.float32], original: NDArray[np.float32], longest: int) -> Fidelity:
    """Compare the vectors of the same texts by two models.

    Args:
        vectors: unit vectors by the checkpoint, ``[texts, d]``.
        original: unit vectors by the original, ``[texts, d]``.
        longest: tokens of the longest text, for the record.

    Example:
        >>> vectors = np.eye(3, dtype=np.float32)
        >>> fidelity(vectors, vectors, 8).equal
        3
    """
    cosines = np.clip((vectors.astype(np.float64) * original).sum(axis=1), -1.0, 1.0)
    pairs = np.triu_indices(len(vectors), 1)
    similarities = [(each.astype(np.float64) @ each.T)[pairs] for each in (vectors, original)]
    spread = len(pairs[0]) > 1 and all(np.ptp(each) > 0 for each in similarities)
    return Fidelity(
        texts=len(vectors),
        cosine=CosineSummary(**bootstrap_interval(cosines), least=float(cosines.min())),
        rank_correlation=float(stats.spearmanr(similarities[0], similarities[1]).statistic) if spread else None,
        equal=int((vectors == original).all(axis=1).sum()),
        longest=longest,
    )
