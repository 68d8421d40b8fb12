"""Measure how often each system chooses the sentence that goes on with a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.next_sentence import TOKENS, Choice, Questions
from posembed.quality.models.scorer import Scorer
from posembed.records.evaluation import ChoiceCell, ChoiceDifference, DocumentInterval, EvaluationSetup, LanguageResults
from posembed.statistics import bootstrap_interval, difference, holm

DIRECT, SLIDING, TRUNCATED = "checkpoint", "sliding window", "truncated"
# Fewer questions have an interval of more than ± 0.3.
LEAST = 10
# A question takes about two passes over as many tokens as a window has; the losses of a window take three or four. With
# half as many questions as windows, an evaluation takes less than half as long again.
SHARE = 0.5

Right = NDArray[np.int64]


def chosen_right(scorer: Scorer, choices: Sequence[Choice], cut: Callable[[Sequence[int]], Sequence[int]]) -> Right:
    """Return 1 for each question whose true sentence has the lowest loss, else 0; a tie is a miss.

    Args:
        scorer: of the model that reads.
        choices: the questions.
        cut: a context to the part of it that is read.
    """
    right = []
    for choice in choices:
        losses = scorer.continuation_losses(cut(choice.context), choice.options)
        others = np.delete(losses, choice.answer)
        right.append(int(losses[choice.answer] < others.min()))
    return np.array(right, dtype=np.int64)


def last(tokens: int) -> Callable[[Sequence[int]], Sequence[int]]:
    """Return a function that keeps the end of a context, which a sliding window shows."""
    return lambda context: context[-tokens:]


def first(tokens: int) -> Callable[[Sequence[int]], Sequence[int]]:
    """Return a function that keeps the beginning of a context, which is left of an input that is cut."""
    return lambda context: context[:tokens]


def add_choices(
    results: LanguageResults,
    questions: Questions,
    scorers: tuple[Scorer, Scorer],
    setup: EvaluationSetup,
    observer: Observer = SILENT,
) -> LanguageResults:
    """Return results with the choices at every length past the original's that the checkpoint takes.

    Args:
        results: the losses; half as many questions are asked as windows were measured.
        questions: of the same texts.
        scorers: of the checkpoint and of the original.
        setup: lengths, documents, and the longest input of each model.
        observer: receives a message for each length.

    Raises:
        WorkFailedError: if a model gives a loss that is not finite.
    """
    window = setup.original_usable_length
    cells: list[ChoiceCell] = []
    differences: list[ChoiceDifference] = []
    few = []
    for length in setup.lengths:
        windows = [cell.documents for cell in results.cells if (cell.system, cell.length) == (DIRECT, length)]
        if not windows or length <= window or window <= TOKENS:
            continue
        observer.message(f"next sentence at {length} tokens")
        choices = questions.make(length, window, int(SHARE * windows[0]), setup.split, setup.seed)
        if len(choices) < LEAST:
            few.append(f"{len(choices)} at {length} tokens")
            continue
        own, compared = compare_systems(choices, scorers, length, window)
        cells += own
        differences += compared
    adjusted = holm([each.p for each in differences])
    notes = [
        f"the choice of the next sentence was not measured: {LEAST} texts, and twice as many `documents`, are needed "
        f"with evidence for their next sentence farther back than {window} tokens; there are {', '.join(few)}"
    ]
    return replace(
        results,
        choices=tuple(cells),
        choice_gain=tuple(replace(each, p_holm=p) for each, p in zip(differences, adjusted, strict=True)),
        shortages=(*results.shortages, *(notes if few else ())),
    )


def compare_systems(
    choices: Sequence[Choice], scorers: tuple[Scorer, Scorer], length: int, window: int
) -> tuple[list[ChoiceCell], list[ChoiceDifference]]:
    """Return what the checkpoint and the two baselines choose, and how the checkpoint differs from each.

    Args:
        choices: the questions.
        scorers: of the checkpoint and of the original.
        length: tokens of a context and an option.
        window: the original's longest input.

    Returns:
        Cells, and differences whose p-values are not corrected yet.
    """
    checkpoint, original = scorers
    outcomes = {
        DIRECT: chosen_right(checkpoint, choices, last(length)),
        SLIDING: chosen_right(original, choices, last(window - TOKENS)),
        TRUNCATED: chosen_right(original, choices, first(window - TOKENS)),
    }
    cells = [
        ChoiceCell(length, name, len(choices), DocumentInterval(**bootstrap_interval(right)))
        for name, right in outcomes.items()
    ]
    differences = []
    for name in (SLIDING, TRUNCATED):
        test = difference(outcomes[DIRECT], outcomes[name])
        differences.append(ChoiceDifference(length, DIRECT, name, **test, documents=len(choices), p_holm=test["p"]))
    return cells, differences
