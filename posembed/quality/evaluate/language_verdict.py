"""The results of a language model in sentences that a person can act on."""

from __future__ import annotations

from posembed.quality.evaluate.choosing import SLIDING
from posembed.quality.evaluate.next_sentence import OPTIONS
from posembed.quality.evaluate.words import NOT_COMPARED, significance
from posembed.quality.models.language import LanguageKind
from posembed.records.evaluation import ChoiceDifference, LanguageResults, LossDifference
from posembed.statistics import SIGNIFICANCE


def language_verdict(results: LanguageResults, kind: LanguageKind, *, compared: bool = True) -> tuple[str, ...]:
    """Return what to use, whether the longer input helps, and whether the order of the far context matters.

    Args:
        results: of the evaluation.
        kind: causal or masked.
        compared: whether there was an original.
    """
    sentences = [_use(each, results, kind) for each in results.context_gain]
    sentences += [
        f"At {each.length} tokens the longer input gains {each.mean:+.3f} nats per token over a sliding window "
        f"({each.low:+.3f} to {each.high:+.3f}), corrected p {each.p_holm:.2g}: "
        f"{significance(each.mean, each.p_holm)}"
        for each in results.context_gain
    ]
    sentences += [_choice(each, results) for each in results.choice_gain]
    sentences += [
        f"At {each.length} tokens shuffling the far context costs {each.mean:+.3f} nats per token "
        f"({each.low:+.3f} to {each.high:+.3f}), corrected p {each.p_holm:.2g}"
        for each in results.shuffled
    ]
    if not compared:
        return (*sentences, NOT_COMPARED)
    return tuple(sentences or ["No input was longer than the original takes: there is nothing to compare"])


def _use(gain: LossDifference, results: LanguageResults, kind: LanguageKind) -> str:
    """Return which to use at a length: the longer input where it has a significant gain, and loses nothing else."""
    begin = f"At {gain.length} tokens:"
    chosen = [each for each in results.choice_gain if (each.length, each.second) == (gain.length, SLIDING)]
    measured: list[LossDifference | ChoiceDifference] = [gain, *chosen]
    significant = [each for each in measured if each.p_holm < SIGNIFICANCE]
    if any(each.mean < 0 for each in significant):
        return f"{begin} use a sliding window of the original; the longer input does worse"
    if gain in significant:
        return f"{begin} use the longer input; it does better than a sliding window of the original"
    return f"{begin} no gain in loss of the longer input was shown; {kind.undecided}"


def _choice(each: ChoiceDifference, results: LanguageResults) -> str:
    rates = {cell.system: cell.accuracy for cell in results.choices if cell.length == each.length}
    words = [f"{name} {rates[name].mean:.2f} ({rates[name].low:.2f} to {rates[name].high:.2f})" for name in _both(each)]
    return (
        f"Next sentence of {OPTIONS} at {each.length} tokens ({each.documents} texts): {', '.join(words)}; "
        f"{each.first} − {each.second} = {each.mean:+.2f} ({each.low:+.2f} to {each.high:+.2f}), corrected p "
        f"{each.p_holm:.2g}: "
        f"{significance(each.mean, each.p_holm)}"
    )


def _both(each: ChoiceDifference) -> tuple[str, str]:
    return each.first, each.second
