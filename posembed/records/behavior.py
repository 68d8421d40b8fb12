"""What a model does when its positions move: the part ``behavior`` of an inspected checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from posembed.records.base import Record
from posembed.records.interval import Interval

Measure = Literal["cosine", "loss", "patches"]
"""``"cosine"`` of the pooled vector to that of unmoved positions, ``"loss"`` in nats per token, ``"patches"``: mean
cosine of each patch's feature to its own with unmoved positions."""
PlacementName = Literal[
    "unmoved",
    "start",
    "start, first kept",
    "spread",
    "rolled",
    "crowded",
    "permuted",
    "mean row",
    "row 0",
    "random rows",
]
EndVerdict = Literal["ends", "no end", "unknown"]

_WORDS: dict[PlacementName, str] = {
    "unmoved": "as they are",
    "start": "all start at {}",
    "start, first kept": "first token stays, the others move by {}",
    "spread": "spread ×{}",
    "rolled": "rolled by {} rows and columns",
    "crowded": "{} × {} patches share a position",
    "permuted": "permuted",
    "mean row": "all on the mean row",
    "row 0": "all on the row of position 0",
    "random rows": "on random rows",
}


@dataclass(frozen=True)
class Placement(Record):
    """One way of moving the positions, and what the model then does.

    Attributes:
        name: what was done to the positions.
        amount: by how much, where that can vary; ``None`` otherwise.
        cosine: of the pooled vector to that with unmoved positions, mean over the inputs.
        loss: in nats per token, of language models.
        patches: mean cosine of each patch's feature to its own with unmoved positions, of image models.
    """

    name: PlacementName
    amount: int | None
    cosine: Interval
    loss: Interval | None = field(default=None, metadata={"omit_none": True})
    patches: Interval | None = field(default=None, metadata={"omit_none": True})

    @property
    def words(self) -> str:
        """Say where the positions are.

        Example:
            >>> sure = Interval(0.9, 0.8, 1.0, 24, 1)
            >>> Placement("start", 64, sure).words, Placement("permuted", None, sure).words
            ('all start at 64', 'permuted')
        """
        return _WORDS[self.name].format(self.amount, self.amount)

    def of(self, measure: Measure) -> Interval:
        """Return one of the measures, which must have been taken."""
        value = {"cosine": self.cosine, "loss": self.loss, "patches": self.patches}[measure]
        assert value is not None
        return value


@dataclass(frozen=True)
class EffectiveRange(Record):
    """Up to which position short texts keep what they say, wherever they start.

    Attributes:
        verdict: ``"ends"``, ``"no end"`` (up to the table's end), or ``"unknown"``.
        end: number of leading positions that work alike, for ``"ends"``.
        low: lower end of the 95 % interval of ``end``, over texts.
        high: upper end.
        evidence: why, one sentence each.
        tokens: length of the texts of the curve.
        starts: first position of the texts, for each point of the curve.
        curve: the main measure there.
    """

    verdict: EndVerdict
    end: int | None
    low: int | None
    high: int | None
    evidence: tuple[str, ...]
    tokens: int
    starts: tuple[int, ...] = ()
    curve: tuple[Interval, ...] = ()

    @property
    def sentence(self) -> str:
        """Say it in one sentence.

        Example:
            >>> EffectiveRange("ends", 160, 152, 176, (), 16).sentence
            'the first 160 positions work alike (95 % interval 152 to 176); later ones do worse'
        """
        if self.verdict == "ends":
            return (
                f"the first {self.end} positions work alike (95 % interval {self.low} to {self.high}); later ones do "
                "worse"
            )
        if self.verdict == "no end":
            return "no end was found: the last positions work like those before"
        return f"unknown: {self.evidence[0]}" if self.evidence else "unknown"


@dataclass(frozen=True)
class TrainedByBoth(Record):
    """Which positions were trained, by the table, the weights and what the model does.

    Attributes:
        verdict: ``"ends"``, ``"whole"`` or ``"unknown"``.
        end: number of trained positions, for ``"ends"``.
        low: lower end of its interval.
        high: upper end.
        reason: what it follows from, in a sentence.
        evidence: the numbers behind what table and weights show, a sentence each.
    """

    verdict: Literal["ends", "whole", "unknown"]
    end: int | None
    low: int | None
    high: int | None
    reason: str
    evidence: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say it in one sentence.

        Example:
            >>> TrainedByBoth("ends", 64, 64, 65, "both agree").sentence
            'the first 64 positions were trained (64 to 65): both agree'
        """
        words = {"whole": "all positions were trained", "unknown": "which positions were trained is unknown"}
        if self.verdict == "ends":
            return f"the first {self.end} positions were trained ({self.low} to {self.high}): {self.reason}"
        return f"{words[self.verdict]}: {self.reason}"


@dataclass(frozen=True)
class TableBehavior(Record):
    """What a model does when the positions of one of its tables move.

    Attributes:
        table: the table's key.
        measure: the main measure, which the effective range is about.
        inputs: number of texts or images.
        tokens: length of each text, special tokens included; patches of each image.
        what: what the inputs are, in words.
        placements: what was done to the positions, the unmoved ones first.
        effective_range: ``None`` for a grid, all of whose positions every image reads.
        trained: which positions were trained, by table and behavior; ``None`` likewise.
        notes: what else to know, a sentence each.
    """

    table: str
    measure: Measure
    inputs: int
    tokens: int
    what: str
    placements: tuple[Placement, ...]
    effective_range: EffectiveRange | None = None
    trained: TrainedByBoth | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Behavior(Record):
    """What a model does when its positions move.

    Attributes:
        model: class and library that ran it, such as ``"BertModel of transformers 5.23.0"``; empty if none did.
        tables: one entry per table that was moved.
        not_run: why the model, or a table of it, was left out, one sentence each.
    """

    model: str
    tables: tuple[TableBehavior, ...]
    not_run: tuple[str, ...] = ()
