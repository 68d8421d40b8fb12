"""What ``evaluate`` measures of a language model; docs/formats/evaluate.md describes its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from posembed.records.base import Record
from posembed.records.interval import DocumentInterval

__all__ = [
    "Bucket",
    "ChoiceCell",
    "ChoiceDifference",
    "DocumentInterval",
    "LanguageResults",
    "LossCell",
    "LossDifference",
]


@dataclass(frozen=True)
class Bucket(Record):
    """Mean loss over a range of positions.

    Attributes:
        begin: first position.
        end: position after the last.
        loss: nats per token; ``None`` where no token was predicted.
    """

    begin: int = field(metadata={"json": "from"})
    end: int = field(metadata={"json": "to"})
    loss: float | None = None


@dataclass(frozen=True)
class LossCell(Record):
    """Loss of one system at one length.

    Attributes:
        length: tokens per document.
        system: ``"checkpoint"`` or ``"sliding window"``.
        documents: number of documents.
        loss: nats per token.
        buckets: loss by position.
    """

    length: int
    system: str
    documents: int
    loss: DocumentInterval
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class LossDifference(Record):
    """A difference in loss at one length, paired by document.

    Attributes:
        length: tokens per document.
        mean: nats per token.
        low: lower bound of its interval.
        high: upper bound of its interval.
        p: Wilcoxon's p-value.
        documents: number of documents.
        p_holm: the p-value after Holm's correction over all lengths.
    """

    length: int
    mean: float
    low: float
    high: float
    p: float
    documents: int
    p_holm: float


@dataclass(frozen=True)
class ChoiceCell(Record):
    """How often a system told the sentence that goes on with a text from seven others.

    Attributes:
        length: tokens of the text and a sentence.
        system: ``"checkpoint"``, ``"sliding window"`` or ``"truncated"``.
        documents: number of texts.
        accuracy: fraction of the texts whose own sentence was the most likely.
    """

    length: int
    system: str
    documents: int
    accuracy: DocumentInterval


@dataclass(frozen=True)
class ChoiceDifference(Record):
    """A difference in that fraction at one length, paired by document.

    Attributes:
        length: tokens of the text and a sentence.
        first: one system.
        second: the other.
        mean: first − second.
        low: lower bound of its interval.
        high: upper bound of its interval.
        p: McNemar's exact p-value.
        documents: number of texts.
        p_holm: the p-value after Holm's correction over all lengths and both baselines.
    """

    length: int
    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    documents: int
    p_holm: float


@dataclass(frozen=True)
class LanguageResults(Record):
    """What is measured of a language model.

    Attributes:
        cells: loss by length and system.
        context_gain: loss of the sliding window − loss of the checkpoint, past the original's length.
        shuffled: loss with the far context shuffled − loss without.
        choices: how often each system tells the next sentence from others, past the original's length.
        choice_gain: the checkpoint compared with each baseline there.
        shortages: what could not be measured, a sentence each; they stand among the notes of the whole.
    """

    cells: tuple[LossCell, ...]
    context_gain: tuple[LossDifference, ...]
    shuffled: tuple[LossDifference, ...]
    choices: tuple[ChoiceCell, ...] = ()
    choice_gain: tuple[ChoiceDifference, ...] = ()
    shortages: tuple[str, ...] = field(default=(), compare=False, metadata={"json": None})
