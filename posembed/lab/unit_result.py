"""What one unit writes (``result.json``) and says while it works (one JSON line per message)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from posembed.records.base import Record
from posembed.records.comparison import Cost, CurvePoint, Environment, Flexibility, PositionLosses, Speed
from posembed.records.unit import UnitConfig

RESULT, CHECKPOINT, TABLE = "result.json", "checkpoint.pt", "table.safetensors"
Values = tuple[float | None, ...]
_OPTIONAL = {"omit_none": True}


@dataclass(frozen=True)
class InRange(Record):
    """Loss of each test document and of each position, at the training length."""

    documents: Values
    per_position: PositionLosses


@dataclass(frozen=True)
class UnitBeyond(Record):
    """Losses at one input length by one method, document by document.

    Attributes:
        factor: length as a multiple of the training length.
        length: length in tokens.
        method: ``"direct"``, ``"tile"``, ``"linear"`` or ``"unavailable"``.
        message: why nothing was measured, else ``None``.
        documents: loss of each test document.
        per_position: mean loss at each position.
        documents_beyond: loss of each document past the training length.
    """

    factor: float
    length: int
    method: Literal["direct", "tile", "linear", "unavailable"]
    message: str | None = field(default=None, metadata=_OPTIONAL)
    documents: Values | None = field(default=None, metadata=_OPTIONAL)
    per_position: Values | None = field(default=None, metadata=_OPTIONAL)
    documents_beyond: Values | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True)
class UnitResult(Record):
    """Everything measured of one encoding with one seed.

    Attributes:
        configuration: what decided the numbers.
        environment: versions and hardware.
        status: ``"finished"``, or ``"non-finite"`` where the loss broke.
        message: why it did not finish, else empty.
        curve: losses during training.
        speed: of training.
        cost: of the position part.
        parameters: trainable numbers of the whole model.
        in_range: losses at the training length, ``None`` unless finished.
        beyond: losses at and past the training length.
        flexibility: of a trainable table, else ``None``.
    """

    configuration: UnitConfig
    environment: Environment
    status: Literal["finished", "non-finite"]
    message: str
    curve: tuple[CurvePoint, ...]
    speed: Speed
    cost: Cost
    parameters: int
    in_range: InRange | None
    beyond: tuple[UnitBeyond, ...]
    flexibility: Flexibility | None

    @property
    def finished(self) -> bool:
        """Whether it trained to the last step and was evaluated."""
        return self.status == "finished"


@dataclass(frozen=True)
class UnitMessage(Record):
    """What a unit says to the process that started it.

    Attributes:
        phase: ``"training"``, ``"evaluating"``, ``"finished"``, ``"non-finite"``, ``"failed"``; ``"ended"`` once the
            process is gone.
        step: steps taken.
        loss: latest training loss in nats per token.
        tokens_per_second: current speed.
        message: why it failed.
        interrupted: whether it was asked to stop.
        code: exit code of the process.
    """

    phase: str
    step: int | None = field(default=None, metadata=_OPTIONAL)
    loss: float | None = field(default=None, metadata=_OPTIONAL)
    tokens_per_second: float | None = field(default=None, metadata=_OPTIONAL)
    message: str | None = field(default=None, metadata=_OPTIONAL)
    interrupted: bool | None = field(default=None, metadata=_OPTIONAL)
    code: int | None = field(default=None, metadata=_OPTIONAL)
