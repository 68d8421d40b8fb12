"""The result of ``compare``: what ``results.json`` holds (docs/formats/results.md describes every field)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from posembed.errors import InvalidArgumentError
from posembed.records.base import Record, Result
from posembed.records.interval import Interval, Quality
from posembed.records.unit import ComparisonSetup

SCHEMA, SCHEMA_VERSION = "posembed.compare", 1


@dataclass(frozen=True)
class Environment(Record):
    """Versions and hardware of the process that measured, for the record."""

    posembed: str
    torch: str
    numpy: str
    python: str
    platform: str
    cpu: str
    cores: int
    bf16_hardware: bool
    accelerator: str | None


@dataclass(frozen=True)
class SetSizes(Record):
    """A number for each of the three disjoint sets of documents."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class CorpusSummary(Record):
    """The text and its split; ``skipped`` lists files that could not be used, each with the reason."""

    sha256: str
    vocab_size: int
    documents: SetSizes
    tokens: SetSizes
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredWindows(Record):
    """What the losses at the training length are measured on, and what their intervals are over."""

    documents: int
    windows: int
    tokens: int
    interval_over: str
    confidence: float


@dataclass(frozen=True)
class Baselines(Record):
    """Qualities of models that only count training tokens, on the same windows as the arms."""

    unigram: Quality
    bigram: Quality


@dataclass(frozen=True)
class Cost(Record):
    """The position part at the training length: trainable numbers, their bytes in float32, bytes of fixed tables."""

    parameters: int
    parameter_bytes: int
    fixed_bytes: int


@dataclass(frozen=True)
class PositionLosses(Record):
    """Mean loss at each position, and its standard error over documents; ``None`` where nothing is predicted."""

    mean: tuple[float | None, ...]
    standard_error: tuple[float | None, ...]


@dataclass(frozen=True)
class Flexibility(Record):
    """How far the trained rows are from a few sinusoids, each figure with that of random rows."""

    functions: float
    basis_rank: float
    rows: float
    explained_share: float | None
    explained_share_random: float
    effective_rank: float
    effective_rank_random: float


@dataclass(frozen=True)
class Speed(Record):
    """Seconds of training without evaluation, and the median rate."""

    seconds: float
    tokens_per_second: float | None


@dataclass(frozen=True)
class CurvePoint(Record):
    """After ``step`` steps: mean training loss since the point before, and loss on validation documents."""

    step: int
    train: float
    validation: float


@dataclass(frozen=True)
class Curve(Record):
    """The training curve of one seed."""

    seed: int
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Beyond(Record):
    """Losses at one input length, by one method.

    Attributes:
        factor: length as a multiple of the training length.
        length: length in tokens.
        method: ``"direct"`` (run as it is), ``"tile"`` or ``"linear"`` (the trained table extended), or
            ``"unavailable"`` (the test documents are too short).
        message: the error of a table without those rows, or why the length is unavailable.
        loss: loss of all tokens, ``None`` after an error.
        loss_beyond: loss of the tokens past the training length alone, ``None`` at factor 1.
        per_position: mean loss at each position.
    """

    factor: float
    length: int
    method: Literal["direct", "tile", "linear", "unavailable"]
    message: str | None
    loss: Interval | None
    loss_beyond: Interval | None
    per_position: tuple[float | None, ...] | None

    @property
    def ended(self) -> bool:
        """Whether the encoding has no value for these positions: its table ended."""
        return self.method == "direct" and self.loss is None

    @property
    def shown(self) -> Interval | None:
        """The loss of the tokens past the training length; at factor 1, of all."""
        return self.loss_beyond or self.loss


@dataclass(frozen=True)
class Arm(Record):
    """Everything measured of one encoding, over the seeds that finished."""

    encoding: str
    status: Literal["finished", "incomplete", "failed"]
    messages: tuple[str, ...]
    seeds: tuple[int, ...]
    cost: Cost | None
    parameters: int | None
    quality: Quality | None
    per_position: PositionLosses | None
    beyond: tuple[Beyond, ...]
    flexibility: Flexibility | None
    speed: Speed | None
    curves: tuple[Curve, ...]

    def label(self, method: str) -> str:
        """Return the name of this arm run directly, or with its table extended by a method."""
        return self.encoding if method == "direct" else f"{self.encoding} + {method}"

    def measured(self, method: str) -> tuple[Beyond, ...]:
        """Return the entries of one method."""
        return tuple(entry for entry in self.beyond if entry.method == method)


@dataclass(frozen=True)
class Difference(Record):
    """``first − second`` in nats per token, paired by seed and document; negative where ``first`` is better."""

    first: str
    second: str
    mean: float | None
    low: float | None
    high: float | None
    documents: int
    seeds: int
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """Encodings compared on the same text; ``to_dict()`` gives the content of ``results.json``.

    Attributes:
        created: when it was gathered, UTC.
        configuration: everything that decides the numbers.
        environment: versions and hardware of the process that gathered the results.
        corpus: the text and its split.
        evaluation: what the losses at the training length are measured on.
        baselines: what counting reaches on the same windows.
        arms: one for each encoding, in the order asked for.
        differences: the reference encoding against each other one, paired.
        verdict: plain sentences: one for each difference, one for each arm that did not finish.
    """

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    created: str
    configuration: ComparisonSetup
    environment: Environment
    corpus: CorpusSummary
    evaluation: MeasuredWindows
    baselines: Baselines
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    verdict: tuple[str, ...]

    def arm(self, encoding: str) -> Arm | None:
        """Return the arm of an encoding, ``None`` if it was not compared."""
        return next((arm for arm in self.arms if arm.encoding == encoding), None)

    def below_bigram(self) -> dict[str, float]:
        """Return how far the loss of each finished arm is below the bigram baseline, in nats per token."""
        bigram = self.baselines.bigram.mean
        losses = {arm.encoding: arm.quality.mean for arm in self.arms if arm.quality is not None}
        return {name: bigram - loss for name, loss in losses.items() if bigram is not None and loss is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the comparison that a ``results.json`` holds.

        Raises:
            InvalidArgumentError: for another document, another version of the format, or missing fields.
        """
        found = (values.get("schema"), values.get("schema_version"))
        if found != (SCHEMA, SCHEMA_VERSION):
            raise InvalidArgumentError(
                f"not a results.json of posembed compare that this version reads: schema and schema_version are "
                f"{found[0]!r} and {found[1]!r}, not {SCHEMA!r} and {SCHEMA_VERSION}"
            )
        return super().from_dict(values)
