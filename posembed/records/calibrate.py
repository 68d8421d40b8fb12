"""Options of ``calibrate``, and the settled configuration that they lead to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, Record, require_types
from posembed.records.check import CheckLevel
from posembed.records.choices import KindName, Precision
from posembed.records.typed import PathText

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
    "knots": 0,
    "seed": 0,
}
# Weight of made documents by the kind of model, in records that do not state it.
_HIDDEN_BEFORE = {"embedding": 1.0}


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(Options):
    """The options of :func:`posembed.calibrate`."""

    data: PathText
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
    """Optimizer steps (1000 for embedding models, 400 for language models)."""
    minutes: float | None = None
    """Training time budget in minutes; the number of steps is reduced to fit."""
    batch: int | None = None
    """Training inputs per step (4 for embedding models, 16 with `hidden` set to 1; 8 for language models)."""
    shift_rate: float | None = None
    """Learning rate of the vector that all trained rows share (0.005 for embedding models, 0.0035 with `hidden` set to
    1; 0.001 for language models)."""
    row_rate: float | None = None
    """Learning rate of what rows do not share (0.005 for embedding models, 0 with `hidden` set to 1; 0.01 for language
    models)."""
    hidden: float = 0.0
    """Weight, from 0 to 1, of finding what is hidden in made documents; the rest is that of making the vector of a long
    text like those of its chunks (embedding models). Whatever is above 0 costs quality on real titles and sections."""
    facts: float = 0.5
    """Fraction of made documents that hide a fact sentence; the others hide words (embedding models, with `hidden`)."""
    every: int = 50
    """Compute the validation loss every N steps."""
    patience: int | None = None
    """Stop after N evaluations without improvement (default: never; 3 for language models and with `hidden` at 1)."""
    device: str = "auto"
    """Device that runs the model: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
    precision: Precision = "auto"
    """Numerical precision of training; auto is bf16 where the hardware supports it."""
    seed: int = 0
    """Random seed."""
    length_aware: bool = False
    """Also write length-aware tables, so that short inputs read the old rows. Requires a longer `length`."""
    resume: bool = False
    """Resume the calibration that OUT.calibrating holds, if there is one."""
    force: bool = False
    """Replace an existing output directory."""
    trust_remote_code: bool = False
    """Run Python code from the checkpoint's folder, where its model needs it. Such code can do whatever you can."""
    check: CheckLevel = "auto"
    """Before the copy is put in place, let its library build the model and compare every shape (load; auto, where the
    library is installed and loads the source), or load and run it at the old and the new size (run)."""

    def __post_init__(self) -> None:
        """Check what can be checked without a checkpoint.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        super().__post_init__()
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InvalidArgumentError(f"minutes={self.minutes} must be above 0 and finite")
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
        facts: fraction of an embedding model's groups of made documents that hide facts; the others hide words.
        hidden: weight of the loss on made documents of an embedding model; the rest is distillation from its own
            vectors of chunks. 1 in records of version 0.2 and older; 0 for language models.
        knots: of the spline that is trained in place of individual rows; 0 where rows are trained.
        asked: share of the steps that read documents to be found by their titles and sections; 0 in older records.
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
    hidden: float
    knots: int
    asked: float

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that :meth:`to_dict` wrote, or that of version 0.2, which had made documents alone.

        Raises:
            InvalidArgumentError: for an unknown or missing key, or a value of another type.
        """
        before = {"hidden": _HIDDEN_BEFORE.get(str(values.get("kind")), 0.0), "knots": 0, "asked": 0.0}
        return super().from_dict(before | dict(values))

    def __post_init__(self) -> None:
        require_types(self)
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
        if not 0 <= self.asked <= 1:
            raise InvalidArgumentError(f"asked={self.asked} must be a share, from 0 to 1")
        if self.knots == 1:
            raise InvalidArgumentError("knots=1 is no spline: it has at least 2, or 0 where rows are trained")
        if self.shift_rate == self.row_rate == 0:
            raise InvalidArgumentError("`shift_rate` and `row_rate` are both 0: nothing would be trained")


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
    for name in ("facts", "hidden"):
        value = getattr(record, name)
        if not 0 <= value <= 1:
            raise InvalidArgumentError(f"{name}={value} must be a fraction, from 0 to 1")
