"""Options and result of the search for an extension method on validation data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, Record, require_distinct
from posembed.records.choices import Precision
from posembed.records.typed import PathText

MeasureName = Literal["accuracy", "loss"]
_OPTIONAL = {"omit_none": True}


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Options):
    """What to search, and on which documents."""

    data: PathText = "stdlib"
    """Texts, of which only the validation set is read: stdlib, a text file, or a directory of text files."""
    documents: int | None = None
    """Documents of the final measurement: a multiple of pool for embedding models (200 if omitted), an upper limit for
    language models (64 if omitted). The first round uses half of them, or a quarter."""
    pool: int = 50
    """Documents that each query is ranked against (embedding models). Each pool has another filler, so several small
    ones show more than one large one."""
    precision: Precision = "auto"
    """Arithmetic of the forward passes; auto is bf16 where the hardware has it."""
    seed: int = 0
    """Random seed."""
    length_aware: bool = False
    """Search for length-aware tables: short inputs, queries among them, read the old table. How long they may be is
    searched too."""
    methods: tuple[str, ...] | None = None
    """Methods to search; by default all that have a search space and suit the kind of model."""
    must_be_better: bool = True
    """Fail if no candidate is better than the old table, and at no length worse; otherwise return the best anyway."""
    trust_remote_code: bool = False
    """Run Python code from the checkpoint's folder, where its model needs it. Such code can do whatever you can."""

    def __post_init__(self) -> None:
        """Check what can be checked without a checkpoint.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        super().__post_init__()
        require_distinct("methods", self.methods or ())
        for name, least in (("documents", 1), ("pool", 2), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidArgumentError(f"{name}={value} must be at least {least}")


@dataclass(frozen=True)
class SweptCandidate(Record):
    """One candidate of the method search and its result on validation documents.

    Attributes:
        method: a method's name.
        options: of the method.
        kept: leading positions whose rows stay unchanged; with length-aware tables, the longest input that reads the
            old table.
        accuracy: by length, where more is better; ``None`` where the measure is the loss.
        loss: in nats per token, by length; ``None`` where the measure is the accuracy.
        documents: largest number of documents behind a value.
    """

    method: str
    options: Mapping[str, Any]
    kept: int
    accuracy: Mapping[int, float] | None = field(metadata=_OPTIONAL)
    loss: Mapping[int, float] | None = field(metadata=_OPTIONAL)
    documents: int

    @property
    def values(self) -> Mapping[int, float]:
        """The measure by length, whichever it is."""
        return self.accuracy or self.loss or {}


@dataclass(frozen=True)
class MethodChoice(Record):
    """How the method was chosen on validation documents.

    Attributes:
        why: sentences.
        measure: of all numbers: ``"accuracy"`` or ``"loss"``.
        baseline: result of the old table, by length: on documents cut to its length, or with a sliding window.
        short: with length-aware tables, the longest input that reads the old one.
        swept: every candidate, the best first: those measured again on all documents, then those of the first rounds.
        method: the chosen method's name; a plan has it, so it is not part of this record's JSON.
        options: of the method, likewise.
    """

    why: tuple[str, ...]
    measure: MeasureName
    baseline: Mapping[int, float]
    short: int | None
    swept: tuple[SweptCandidate, ...]
    method: str = field(default="", metadata={"json": None})
    options: Mapping[str, Any] = field(default_factory=dict, metadata={"json": None})
