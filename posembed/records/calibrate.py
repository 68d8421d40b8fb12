"""Options, settled configuration, saved state and result of ``calibrate``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, get_args

from posembed.errors import InvalidArgumentError
from posembed.records.base import Json, Options, Record, Result
from posembed.records.choices import KindName, Precision

SCHEMA, SCHEMA_VERSION = "posembed.calibration", 1
# The least value of each whole number, in the options as in the configuration that they lead to.
_LEAST = {
    "length": 2,
    "keep": 0,
    "above": 0,
    "period": 1,
    "document": 4,
    "batch": 1,
    "steps": 1,
    "every": 1,
    "patience": 1,
    "held_out": 2,
    "seed": 0,
}


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(Options):
    """The options of :func:`posembed.calibrate`."""

    data: str
    """Unlabeled text: stdlib, a text file, or a directory of text files."""
    length: int | None = None
    """Usable positions of the new table. If omitted, the table keeps its length."""
    range: int | None = None
    """Number of leading rows that were actually trained; the new table starts from these. Requires `length`."""
    keep: int | None = None
    """Leading positions whose rows stay unchanged, bit for bit. If omitted, as many as `range`."""
    document: int | None = None
    """Maximum length of a training input in tokens, special tokens included."""
    steps: int | None = None
    """Optimizer steps (250 for embedding models, 400 for language models)."""
    minutes: float | None = None
    """Training time budget in minutes; the number of steps is reduced to fit."""
    batch: int | None = None
    """Training inputs per step (16 for embedding models, 8 for language models)."""
    shift_rate: float | None = None
    """Learning rate of the vector that all trained rows share (0.0035 for embedding, 0.001 for language models)."""
    row_rate: float | None = None
    """Learning rate of the individual rows (0 for embedding models, 0.01 for language models)."""
    facts: float = 0.5
    """Fraction of training documents whose needle is a fact sentence (embedding models)."""
    every: int = 50
    """Compute the validation loss every N steps."""
    patience: int = 3
    """Stop after N evaluations without improvement."""
    precision: Precision = "auto"
    """Numerical precision of training; auto is bf16 where the hardware supports it."""
    seed: int = 0
    """Random seed."""
    length_aware: bool = False
    """Also write length-aware tables, by which short inputs read the old rows. Requires a greater `length`."""
    resume: bool = False
    """Resume the calibration that OUT.calibrating holds, if there is one."""
    force: bool = False
    """Replace an existing output directory."""

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InvalidArgumentError(f"minutes={self.minutes} must be above 0 and finite")
        if self.precision not in get_args(Precision):
            raise InvalidArgumentError(f"precision={self.precision!r} must be one of {', '.join(get_args(Precision))}")
        _require_values(self)


@dataclass(frozen=True, kw_only=True)
class CalibrationConfig(Record):
    """Everything that decides the numbers of one calibration, settled. Plain values: it travels as JSON.

    Attributes:
        kind: ``"embedding"``, ``"causal"`` or ``"masked"``.
        data: as in the options; the training and validation sets are read, the test set never.
        length: usable positions of the table.
        keep: leading positions whose rows are restored, bit for bit, in what is validated.
        period: distance in rows of trained rows that share their difference; ``length`` where each has its own.
        document: tokens of the longest training input, special tokens included.
        train_kept_rows: also update the kept rows during training and restore them on save (embedding models). With
            them frozen, evidence at those positions is rarely retrieved, and disturbs what the other rows learn.
        above: training documents of embedding models are longer than this: shorter ones would read no trained row.
        queries_trained: the trained rows read the queries of an embedding model too, because too few are kept for them.
        spread: a language model's input shorter than the table is cut in two at a random place, and both parts are read
            at random later positions (PoSE, Zhu et al. 2023, arXiv:2309.10400).
        batch: training inputs per step.
        steps: optimizer steps.
        shift_rate: learning rate of the one vector that all trained rows share.
        row_rate: learning rate of the individual rows.
        every: steps between two evaluations of the validation loss.
        patience: evaluations without improvement after which training ends.
        held_out: number of validation inputs.
        facts: fraction of an embedding model's groups of documents that hide facts; the others hide words.
        precision: ``"bf16"`` or ``"fp32"``.
        seed: random seed.
    """

    kind: KindName
    data: str
    length: int
    keep: int
    period: int
    document: int
    train_kept_rows: bool = field(metadata={"json": "trained_whole"})
    above: int
    queries_trained: bool
    spread: bool
    batch: int
    steps: int
    shift_rate: float
    row_rate: float
    every: int
    patience: int
    held_out: int
    facts: float
    precision: str
    seed: int

    def __post_init__(self) -> None:
        _require_values(self)
        if self.keep >= self.length:
            raise InvalidArgumentError(f"keep={self.keep} leaves none of {self.length} positions to train")
        if self.document > self.length:
            raise InvalidArgumentError(f"document={self.document} must be at most the length, {self.length}")
        if self.document <= self.keep and not self.spread:
            raise InvalidArgumentError(
                f"document={self.document} must be above keep={self.keep}: shorter inputs read no trained row"
            )
        if self.document <= self.above and not self.spread:
            raise InvalidArgumentError(
                f"document={self.document} must be above {self.above}: with length_aware=True, inputs of up to "
                f"{self.above} tokens read the old table"
            )
        if self.shift_rate == self.row_rate == 0:
            raise InvalidArgumentError("`shift_rate` and `row_rate` are both 0: nothing would be trained")


@dataclass(frozen=True)
class CalibrationStart(Record):
    """Where training starts.

    Attributes:
        method: the method that made the table longer; ``"as it is"`` where it was long enough.
        options: of the method.
        keep: leading positions whose rows stay unchanged in the checkpoint's own table.
        period: of the trained rows; the length where each is free.
        why: sentences.
    """

    method: str
    options: Mapping[str, Any]
    keep: int
    period: int
    why: tuple[str, ...]


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that ``calibration.json`` holds.

        Raises:
            InvalidArgumentError: for another schema, a newer version, or unknown or missing keys.
        """
        schema, version = values.get("schema"), values.get("schema_version")
        if (schema, version) != (SCHEMA, SCHEMA_VERSION):
            raise InvalidArgumentError(
                f"schema={schema!r} of schema_version={version!r} is not {SCHEMA!r} of version {SCHEMA_VERSION}"
            )
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


def _require_values(record: CalibrateOptions | CalibrationConfig) -> None:
    """Refuse values that are wrong whatever the checkpoint; ``None`` leaves a value to be settled later."""
    for name, least in _LEAST.items():
        value = getattr(record, name, None)
        if value is not None and value < least:
            raise InvalidArgumentError(f"{name}={value} must be at least {least}")
    for name in ("shift_rate", "row_rate"):
        value = getattr(record, name)
        if value is not None and not 0 <= value < math.inf:
            raise InvalidArgumentError(f"{name}={value} must be at least 0 and finite")
    if not 0 <= record.facts <= 1:
        raise InvalidArgumentError(f"facts={record.facts} must be a fraction, from 0 to 1")
