"""Baselines that only count: unigram and bigram models, measured on the same windows as the arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posembed.corpus import Corpus
from posembed.windows import IGNORED, Floats, Windows, document_means, evaluation_task


def baseline_losses(corpus: Corpus, windows: Windows, model: str) -> dict[str, Floats]:
    """Return the loss of each test document in nats per token: ``{"unigram": [documents], "bigram": [documents]}``.

    Both count the training tokens, each id once more than it occurs. The bigram model falls back on the unigram model
    with the weight of one observation. For the masked task it sees the true left neighbor of a hidden token, even
    where that is hidden too, but nothing to its right.
    """
    train = corpus.train.astype(np.int64)
    size = corpus.vocab_size
    counts = np.bincount(train, minlength=size) + 1
    unigram = counts / counts.sum()
    pairs, pair_counts = np.unique(train[:-1] * size + train[1:], return_counts=True)
    firsts = np.bincount(train[:-1], minlength=size)

    _, targets = evaluation_task(windows, corpus, model)
    predicted = targets != IGNORED
    safe = np.where(predicted, targets, 0)
    if model == "decoder":
        left, has_left = windows.tokens[:, :-1], np.ones_like(predicted)
    else:
        left = np.roll(windows.tokens[:, :-1], 1, axis=1)
        has_left = np.broadcast_to(np.arange(left.shape[1]) > 0, left.shape)
    seen = _look_up(pairs, pair_counts, left * size + safe)
    bigram = (seen + unigram[safe]) / (firsts[left] + 1)
    return {
        name: document_means(np.where(predicted, -np.log(probability), np.nan), windows)
        for name, probability in (
            ("unigram", unigram[safe]),
            ("bigram", np.where(has_left, bigram, unigram[safe])),
        )
    }


def _look_up(keys: NDArray[np.int64], counts: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    index = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[index] == wanted, counts[index], 0)
