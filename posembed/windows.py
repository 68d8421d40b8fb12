"""Fixed windows of held-out documents, and the inputs and targets that a model predicts from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.corpus import Corpus, Tokens

Floats = NDArray[np.float64]
IGNORED = -100
# The share that BERT and RoBERTa were trained with (Devlin et al. 2019, section 3.1): with more hidden tokens the model
# sees inputs unlike any of its training, with fewer the loss is noisier.
MASKED_SHARE = 0.15
_MASKED, _RANDOM = 0.8, 0.1  # of the hidden tokens in training; the rest stays as it is
_EVALUATION_SEED = 20170612  # any fixed number: it decides which tokens an evaluation hides


@dataclass(frozen=True)
class Windows:
    """Stretches of documents, all of the same length.

    Attributes:
        tokens: int64 ``[windows, length + 1]``.
        document: int64 ``[windows]``, the document of each, counted from 0 without gaps.
        documents: number of documents.
    """

    tokens: NDArray[np.int64]
    document: NDArray[np.int64]
    documents: int

    def prefix(self, length: int) -> Windows:
        """Return the first ``length + 1`` tokens of every window."""
        return Windows(self.tokens[:, : length + 1], self.document, self.documents)


def cut_windows(documents: Sequence[Tokens], length: int, per_document: int, limit: int) -> Windows:
    """Cut up to ``per_document`` windows of ``length + 1`` tokens, evenly spread, from up to ``limit`` documents.

    Documents that are too short are skipped: the number of the others is part of every result.
    """
    tokens: list[NDArray[np.int64]] = []
    origin: list[int] = []
    used = 0
    for document in documents:
        room = len(document) - (length + 1)
        if room < 0 or used == limit:
            continue
        count = min(per_document, len(document) // (length + 1))
        begins = [room // 2] if count == 1 else np.linspace(0, room, count).astype(int).tolist()
        for begin in begins:
            tokens.append(document[begin : begin + length + 1].astype(np.int64))
            origin.append(used)
        used += 1
    stacked = np.stack(tokens) if tokens else np.empty((0, length + 1), dtype=np.int64)
    return Windows(stacked, np.array(origin, dtype=np.int64), used)


def prediction_task(
    tokens: NDArray[np.int64], corpus: Corpus, model: str, generator: np.random.Generator, *, training: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return inputs and targets ``[windows, length]`` of windows of ``length + 1`` tokens.

    A decoder predicts each token's successor. An encoder sees the first ``length`` tokens with 15 % of them
    hidden and predicts those; other targets are ``IGNORED``. During training, a tenth of the hidden tokens is left
    as it is and a tenth becomes a random token (Devlin et al. 2019, section 3.1); for evaluation all are masked.
    """
    if model == "decoder":
        return tokens[:, :-1], tokens[:, 1:]
    inputs = tokens[:, :-1].copy()
    hidden = generator.random(inputs.shape) < MASKED_SHARE
    hidden[np.arange(len(inputs)), generator.integers(0, inputs.shape[1], len(inputs))] = True  # at least one each
    targets = np.where(hidden, inputs, IGNORED)
    if training:
        fate = generator.random(inputs.shape)
        inputs[hidden & (fate < _MASKED)] = corpus.mask
        random_ones = hidden & (fate >= 1 - _RANDOM)
        inputs[random_ones] = generator.integers(0, corpus.separator, int(random_ones.sum()))
    else:
        inputs[hidden] = corpus.mask
    return inputs, targets


def evaluation_task(windows: Windows, corpus: Corpus, model: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return :func:`prediction_task` of held-out windows: the same tokens are hidden for every arm and seed."""
    return prediction_task(windows.tokens, corpus, model, np.random.default_rng(_EVALUATION_SEED), training=False)


def document_means(losses: Floats, windows: Windows) -> Floats:
    """Return the mean of the losses ``[windows, length]`` of each document, NaN (not predicted) left out."""
    predicted = np.isfinite(losses)
    total = np.bincount(windows.document, np.where(predicted, losses, 0.0).sum(axis=1), windows.documents)
    count = np.bincount(windows.document, predicted.sum(axis=1), windows.documents)
    means: Floats = np.divide(total, count, out=np.full(windows.documents, np.nan), where=count > 0)
    return means
