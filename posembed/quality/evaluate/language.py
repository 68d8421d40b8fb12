"""Evaluate a language model: loss by position, context gain, and a control with the far context shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.choosing import DIRECT, SLIDING, add_choices
from posembed.quality.evaluate.documents import LEAST_DOCUMENTS, cut_documents
from posembed.quality.evaluate.evaluator import Evaluator, require_same_vocabulary
from posembed.quality.evaluate.language_verdict import language_verdict
from posembed.quality.evaluate.next_sentence import Questions
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.language import Chosen, Ids, LanguageKind, LanguageModel
from posembed.quality.models.scorer import Losses, Scorer
from posembed.quality.rng import generator
from posembed.quality.texts import is_one_file
from posembed.records.evaluate import EvaluateOptions
from posembed.records.evaluation import (
    Bucket,
    DocumentInterval,
    EvaluationSetup,
    LanguageResults,
    LossCell,
    LossDifference,
)
from posembed.statistics import bootstrap_interval, difference, holm

# Lengths as multiples of the original's: unchanged, and the first two doublings.
MULTIPLES = (1, 2, 4)
# The control looks at the last half window: its tokens are far from the shuffled part, at least a whole window away.
CONTROL_SHARE = 0.5
# A permutation of fewer tokens changes nothing.
LEAST_SHUFFLED = 2
# Buckets start at a quarter of the window and double: a model's loss falls roughly with the logarithm of the position.
FIRST_BUCKET = 0.25


class LanguageEvaluator(Evaluator[LanguageModel, LanguageResults]):
    """Loss, and the choice of the next sentence, compared with a sliding window of the original.

    Args:
        kind: causal or masked.
    """

    def __init__(self, kind: LanguageKind = CAUSAL) -> None:
        self.kind = kind

    def default_lengths(self, usable: int, original: int) -> tuple[int, ...]:
        """Return the original's length, and its doublings as far as the checkpoint goes."""
        return tuple(multiple * original for multiple in MULTIPLES if multiple * original <= usable)

    def check(self, options: EvaluateOptions) -> None:
        """Refuse a single document, and queries, which a language model has no vectors for."""
        if options.corpus is not None or options.queries is not None or options.qrels is not None:
            raise InvalidArgumentError(
                "`corpus`, `queries` and `qrels` need a sentence-embedding model; a language model is evaluated on "
                "`data`"
            )
        if options.documents is not None and options.documents < LEAST_DOCUMENTS:
            raise InvalidArgumentError(f"documents={options.documents} must be at least {LEAST_DOCUMENTS}")

    def setup(
        self, options: EvaluateOptions, checkpoint: LanguageModel, original: LanguageModel, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return the setup."""
        require_same_vocabulary(checkpoint, original)
        return self.common_setup(options, usable)

    def measure(
        self,
        checkpoint: LanguageModel,
        original: LanguageModel,
        texts: Sequence[str],
        setup: EvaluationSetup,
        observer: Observer = SILENT,
    ) -> LanguageResults:
        """Measure the losses on one window of each document that is long enough."""
        tokens = [checkpoint.encode(text) for text in texts]
        own = Scorer.of(checkpoint)
        scorers = own, own if checkpoint is original else Scorer.of(original)
        one_file = is_one_file(setup.data)
        results = evaluate_language(*scorers, tokens, setup, one_file=one_file, observer=observer)
        questions = Questions(texts, checkpoint.tokenize, one_file)
        return add_choices(results, questions, scorers, setup, observer)

    def notes(self, results: LanguageResults) -> tuple[str, ...]:
        """Return what the texts could not give, a sentence each."""
        return results.shortages

    def verdict(self, results: LanguageResults, *, compared: bool = True) -> tuple[str, ...]:
        """Return what to use, whether the longer input helps, and whether the order of the far context matters."""
        return language_verdict(results, self.kind, compared=compared)


@dataclass(frozen=True)
class Inputs:
    """Windows of one length, and what is predicted in them.

    Attributes:
        ids: token ids ``[documents, length]``.
        chosen: which of them to predict, ``[documents, length]``.
    """

    ids: Ids
    chosen: Chosen


def evaluate_language(
    checkpoint: Scorer,
    original: Scorer,
    texts: Sequence[Sequence[int]],
    setup: EvaluationSetup,
    *,
    one_file: bool = False,
    observer: Observer = SILENT,
) -> LanguageResults:
    """Measure losses by position, context gain and the shuffled control at each length.

    Args:
        checkpoint: the model to evaluate.
        original: the model before it was extended; its sliding window is the baseline. The same object where there is
            none: then a window as long as the input is left out.
        texts: held-out documents in tokens.
        setup: lengths, documents, and the longest input of each model.
        one_file: whether the documents are pieces of one text, of which those too short for a length are joined.
        observer: receives a message for each step.

    Raises:
        DataError: if fewer than two documents are long enough.
        WorkFailedError: if a model gives a loss that is not finite.
    """
    window = setup.original_usable_length
    alone = checkpoint is original and setup.usable_length == window
    cells, gains, controls = [], [], []
    for length in setup.lengths:
        ids = cut_documents(texts, length, setup.documents, setup.split, setup.seed, one_file=one_file)
        rng = generator("masks", setup.split, length, setup.seed)
        inputs = Inputs(ids, checkpoint.kind.choose(ids.shape, rng))
        if not (alone and length <= window):  # there the window slides nowhere: it is the checkpoint itself
            observer.message(f"sliding window at {length} tokens")
            sliding = sliding_losses(original, inputs.ids, inputs.chosen, window)
            cells.append(loss_cell(SLIDING, window, sliding))
        if length > setup.usable_length:
            continue
        observer.message(f"checkpoint at {length} tokens")
        direct = checkpoint.losses(inputs.ids, inputs.chosen)
        cells.append(loss_cell(DIRECT, window, direct))
        if length <= window:
            continue
        gains.append(loss_difference(length, sliding[:, window:], direct[:, window:]))
        observer.message(f"shuffled control at {length} tokens")
        control = shuffled_control(checkpoint, inputs, direct, window, rng)
        if control is not None:
            controls.append(control)
    return LanguageResults(tuple(cells), corrected(gains), corrected(controls))


def shuffled_control(
    scorer: Scorer, inputs: Inputs, direct: Losses, window: int, rng: np.random.Generator
) -> LossDifference | None:
    """Measure what shuffling the far context costs: a model that uses its content or its order pays for that.

    The losses are those of the last half window. The tokens shuffled are those further back than a whole window from
    each of them.

    Args:
        scorer: the checkpoint.
        inputs: windows longer than the original takes.
        direct: the checkpoint's losses on them.
        window: the original's longest input.
        rng: random numbers; each document is shuffled on its own.

    Returns:
        Loss with the far context shuffled − loss without; ``None`` where no input has a far part.
    """
    length = inputs.ids.shape[1]
    begin = length - int(window * CONTROL_SHARE)
    far = begin - window
    if far < LEAST_SHUFFLED:
        return None
    mixed = inputs.ids.copy()
    for row in mixed:
        row[:far] = rng.permutation(row[:far])
    chosen = scorer.kind.choose_from(inputs.chosen, begin)
    shuffled = scorer.losses(mixed, chosen)
    plain = direct if chosen is inputs.chosen else scorer.losses(inputs.ids, chosen)
    return loss_difference(length, shuffled[:, begin:], plain[:, begin:])


def buckets(window: int, length: int) -> list[tuple[int, int]]:
    """Return ranges of positions that double: up to a quarter, a half and the whole window, and on.

    Example:
        >>> buckets(8, 20)
        [(0, 2), (2, 4), (4, 8), (8, 16), (16, 20)]
    """
    ends, end = [], max(1, int(window * FIRST_BUCKET))
    while end < length:
        ends.append(end)
        end *= 2
    ends.append(length)
    return list(zip([0, *ends[:-1]], ends, strict=True))


def loss_cell(system: str, window: int, losses: Losses) -> LossCell:
    """Summarize losses ``[documents, length]``: their mean over documents, and by position.

    Args:
        system: who was measured.
        window: the original's longest input, which the ranges of positions follow.
        losses: nats; NaN where a token was not predicted.
    """
    documents, length = losses.shape
    parts = []
    for begin, end in buckets(window, length):
        part = losses[:, begin:end]
        known = part[np.isfinite(part)]
        parts.append(Bucket(begin, end, float(known.mean()) if len(known) else None))
    interval = DocumentInterval(**bootstrap_interval(np.nanmean(losses, axis=1)))
    return LossCell(length, system, documents, interval, tuple(parts))


def loss_difference(length: int, first: Losses, second: Losses) -> LossDifference:
    """Compare losses ``[documents, tokens]`` by each document's mean over the tokens that both predict.

    Documents without such a token are left out. The p-value is not corrected yet.
    """
    both = np.isfinite(first) & np.isfinite(second)
    rows = [(a[here].mean(), b[here].mean()) for a, b, here in zip(first, second, both, strict=True) if here.any()]
    one, other = np.array(rows).T
    test = difference(one, other)
    return LossDifference(length, **test, documents=len(rows), p_holm=test["p"])


def corrected(differences: Sequence[LossDifference]) -> tuple[LossDifference, ...]:
    """Return the differences with p-values corrected over all of them."""
    adjusted = holm([each.p for each in differences])
    return tuple(replace(each, p_holm=p_holm) for each, p_holm in zip(differences, adjusted, strict=True))
