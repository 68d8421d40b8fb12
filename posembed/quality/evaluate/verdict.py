"""The results of an embedding model in sentences that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from posembed.errors import first_names
from posembed.quality.evaluate.systems import CHECKPOINT, TRUNCATED
from posembed.quality.evaluate.words import NOT_COMPARED, significance
from posembed.records.embedding_results import EmbeddingResults, Fidelity, PooledComparison, Recommendation

# Names of tied systems that a sentence lists: the tables have all of them.
_MOST_NAMES = 4


def verdict(results: EmbeddingResults, *, compared: bool = True) -> tuple[str, ...]:
    """Return which system to use for each task, what the checkpoint gains, and how short inputs change.

    Args:
        results: of the evaluation.
        compared: whether there was an original.
    """
    sentences = []
    tasks = [*(each.task for each in results.recommendations), *(each.task for each in results.pooled)]
    for task in dict.fromkeys(tasks):
        own = [each for each in results.recommendations if each.task == task]
        pooled = [each for each in results.pooled if each.task == task]
        if own:
            sentences.append(_use(own, [each for each in pooled if each.scope == "longer"]))
        sentences += [_native(each) for each in pooled if each.scope == "native"]
    if results.fidelity is not None:
        sentences.append(_short_inputs(results.fidelity))
    if not compared:
        sentences.append(NOT_COMPARED)
    return tuple(sentences)


def _use(made: Sequence[Recommendation], compared: Sequence[PooledComparison]) -> str:
    """Return which system to use for a task: of all, with one vector per document, and with several."""
    overall, *budgets = made
    parts = [f"{overall.task} at {_lengths(overall.lengths)}: use {_system(overall)}"]
    for each in budgets:
        if each.system != overall.system:
            parts.append(f"with {each.budget} per document {_system(each)}")
        elif each.ties:
            parts.append(_tied(each.ties))
    if overall.ties:
        parts.append(f"{_names(overall.ties)} {'is' if len(overall.ties) == 1 else 'are'} not significantly better")
    return "; ".join([*parts, *map(_gain, _about_checkpoint(made, compared))])


def _system(made: Recommendation) -> str:
    """Return a system with what it stores and finds, and those that are not significantly different."""
    vectors = made.vectors_per_document
    stored = "no vectors" if vectors is None else "1 vector" if vectors == 1 else f"{vectors:.1f} vectors"
    accuracy = made.accuracy
    text = f"{made.system} ({stored}), {accuracy.mean:.2f} ({accuracy.low:.2f} to {accuracy.high:.2f})"
    return text if made.budget == "any" or not made.ties else f"{text}, {_tied(made.ties)}"


def _tied(names: Sequence[str]) -> str:
    return f"tied with {_names(names)}"


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return first_names(names, _MOST_NAMES)
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _about_checkpoint(
    made: Sequence[Recommendation], compared: Sequence[PooledComparison]
) -> Iterable[PooledComparison]:
    """Yield the checkpoint compared with truncation, and the best system of one vector compared with it."""
    best = {each.best for each in made if each.budget == "one vector"}
    for each in compared:
        with_truncation = (each.first, each.second) == (CHECKPOINT, TRUNCATED)
        if with_truncation or (each.second == CHECKPOINT and each.first in best - {TRUNCATED}):
            yield each


def _gain(each: PooledComparison) -> str:
    bounds = f"{each.mean:+.2f} ({each.low:+.2f} to {each.high:+.2f})"
    return f"{each.first} − {each.second} = {bounds}, {significance(each.mean, each.p_holm)}".replace("-0", "−0")


def _native(each: PooledComparison) -> str:
    return f"{each.task} at {_lengths(each.lengths)}, which the original takes: {_gain(each)}"


def _lengths(lengths: Sequence[int]) -> str:
    return f"{_names(list(map(str, lengths)))} tokens"


def _short_inputs(short: Fidelity) -> str:
    return (
        f"Short inputs (up to {short.longest} tokens): cosine to the original {short.cosine.mean:.4f}, minimum "
        f"{short.cosine.least:.4f}; {short.equal} of {short.texts} vectors equal bit for bit"
    )
