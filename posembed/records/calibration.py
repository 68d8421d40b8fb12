"""The result of a calibration: its start, its losses, its record, and what a saved state belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from posembed.records.base import Json, Record, Result, require_schema
from posembed.records.calibrate import CalibrationConfig
from posembed.records.interval import DocumentInterval

SCHEMA, SCHEMA_VERSION = "posembed.calibration", 2


@dataclass(frozen=True)
class DistillationTarget(Record):
    """What a long text's vector becomes like: the mean of its chunks' vectors, and a share of its beginning's.

    Attributes:
        chunk: tokens of a chunk, special tokens included.
        beginning: tokens of the beginning, special tokens included.
        share: of the beginning's vector, beside the mean of the chunks.
    """

    chunk: int
    beginning: int
    share: float


@dataclass(frozen=True)
class CalibrationStart(Record):
    """Where training starts, and towards what.

    Attributes:
        method: the method that made the table longer; ``"as it is"`` where it was long enough.
        options: of the method.
        keep: leading positions whose rows stay unchanged in the checkpoint's own table.
        period: of the trained rows; the length where each is free.
        why: sentences.
        target: what the vectors of long texts become like, unless the table is trained for something else.
    """

    method: str
    options: Mapping[str, Any]
    keep: int
    period: int
    why: tuple[str, ...]
    target: DistillationTarget | None = field(default=None, metadata={"omit_none": True})


@dataclass(frozen=True)
class CalibrationTexts(Record):
    """The texts that were read.

    Attributes:
        sha256: fingerprint of the training and validation texts.
        train: number of training texts.
        validation: number of validation texts.
    """

    sha256: str
    train: int
    validation: int


@dataclass(frozen=True)
class CurvePoint(Record):
    """One evaluation of the validation loss.

    Attributes:
        step: optimizer steps before it.
        train: mean training loss since the evaluation before; ``None`` at the start.
        validation: loss on the validation inputs.
    """

    step: int
    train: float | None
    validation: float


@dataclass(frozen=True)
class CalibrationLosses(Record):
    """Validation loss before the first step, the best one, and the step at which it was reached."""

    start: float
    best: float
    at_step: int


@dataclass(frozen=True)
class CalibrationMoved(Record):
    """How far the table moved: norm of the shared vector, mean norm of the trained rows' change."""

    shift_norm: float
    mean_row_norm: float


@dataclass(frozen=True)
class ComparedWith(Record):
    """A way to search held-out documents without the calibrated table.

    Attributes:
        system: its name.
        accuracy: share of the queries whose own document it ranks first.
        difference: accuracy of the calibrated table − its own, paired by documents, with an interval that is corrected
            for the number of comparisons.
        one_vector: whether it stores one vector per document, as the calibrated table does.
    """

    system: str
    accuracy: float
    difference: DocumentInterval
    one_vector: bool


@dataclass(frozen=True)
class HeldOutTask(Record):
    """How often the calibrated table finds validation documents by their titles, or by one of their sections.

    Attributes:
        task: ``"title"`` or ``"section"``.
        lengths: tokens of the documents.
        documents: number of documents; one that is asked about at two lengths counts once.
        accuracy: share of the queries whose own document it ranks first.
        others: what needs no longer table.
    """

    task: str
    lengths: tuple[int, ...]
    documents: int
    accuracy: float
    others: tuple[ComparedWith, ...]

    @property
    def better(self) -> bool:
        """Whether it is clearly better than everything that stores as much."""
        return all(each.difference.low > 0 for each in self.others if each.one_vector)

    @property
    def clearly_better_elsewhere(self) -> tuple[ComparedWith, ...]:
        """What stores as much and is clearly better, the best first."""
        found = [each for each in self.others if each.one_vector and each.difference.high < 0]
        return tuple(sorted(found, key=lambda each: -each.accuracy))


@dataclass(frozen=True, kw_only=True)
class Calibration(Result):
    """What :func:`posembed.calibrate` returns and writes as ``calibration.json``; docs/formats/calibration.md.

    Attributes:
        schema: ``"posembed.calibration"``.
        schema_version: rises with every change of the fields.
        created: when, UTC.
        checkpoint: the path as given.
        table: the position table's name in the checkpoint.
        configuration: everything that decides the numbers.
        start: how the table was made longer, which rows were kept, and why.
        texts: fingerprint and number of the texts.
        environment: versions and hardware.
        seconds: time spent in training.
        peak_memory_bytes: of the process.
        steps: optimizer steps that were done.
        training_tokens: tokens of their inputs.
        curve: every evaluation.
        validation: the loss at the start and the best one, whose rows were written.
        moved: how far the table moved.
        length_aware: whether length-aware tables were written too.
        short: with them, tokens of the longest input that reads the old rows; else ``None``.
        tasks: of an embedding model, titles and sections of validation texts; ``None`` where they were not measured,
            empty where the texts have too few.
    """

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    created: str
    checkpoint: str
    table: str
    configuration: CalibrationConfig
    start: CalibrationStart
    texts: CalibrationTexts
    environment: Mapping[str, Json]
    seconds: float
    peak_memory_bytes: int
    steps: int
    training_tokens: int
    curve: tuple[CurvePoint, ...]
    validation: CalibrationLosses
    moved: CalibrationMoved
    length_aware: bool
    short: int | None
    tasks: tuple[HeldOutTask, ...] | None = field(default=None, metadata={"omit_none": True})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that ``calibration.json`` holds; one of version 1 is read as version 2.

        Raises:
            InvalidArgumentError: for another schema, a newer version, or unknown or missing keys.
        """
        if (values.get("schema"), values.get("schema_version")) == (SCHEMA, 1):  # fewer fields in its configuration
            values = dict(values) | {"schema_version": SCHEMA_VERSION}
        require_schema(values, SCHEMA, SCHEMA_VERSION)
        return super().from_dict(values)


@dataclass(frozen=True)
class RequestedSizes(Record):
    """The sizes that the caller asked for; a saved state is resumed only with the same."""

    length: int
    range: int | None
    keep: int | None


@dataclass(frozen=True)
class TimeBudget(Record):
    """Minutes that training may take, and the number of steps that it takes at most (``None``: the default)."""

    minutes: float
    steps: int | None


@dataclass(frozen=True, kw_only=True)
class CalibrationIdentity(Record):
    """What ``OUT.calibrating`` belongs to, kept in it as ``about``.

    Attributes:
        sha256: fingerprint of the training and validation texts.
        model_sha256: fingerprint of the frozen weights, the tokenizer and the pooling.
        asked: the sizes that the caller asked for.
        start: where training began.
        timed: the time budget, once the number of steps that fits is settled.
    """

    sha256: str
    model_sha256: str
    asked: RequestedSizes
    start: CalibrationStart
    timed: TimeBudget | None = field(default=None, metadata={"omit_none": True})
