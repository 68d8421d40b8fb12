"""What one unit writes (``result.json``) and says while it works (one JSON line per message)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.generations import DamagedError
from posembed.records.base import Record
from posembed.records.comparison import Cost, CurvePoint, Environment, Flexibility, PositionLosses, Speed
from posembed.records.unit import UnitConfig
from posembed.storage import differences, read_sealed_json, write_sealed_json

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
        table_sha256: of the file with the position rows; ``None`` where there is none, and in results of version 0.2.
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
    table_sha256: str | None = field(default=None, metadata=_OPTIONAL)

    @property
    def finished(self) -> bool:
        """Whether it trained to the last step and was evaluated."""
        return self.status == "finished"


def write_result(folder: Path, result: UnitResult) -> None:
    """Write the result of a unit with a checksum, whole or not at all."""
    write_sealed_json(folder / RESULT, result.to_dict())


def read_result(folder: Path, config: UnitConfig) -> UnitResult:
    """Read the result of a unit, which must be whole, of this very configuration, and beside its position rows.

    Raises:
        WorkFailedError: if a file is damaged.
        ResultsConflictError: if the result is of another configuration.
    """
    file = folder / RESULT
    try:
        stored = read_sealed_json(file)
        difference = differences(stored["configuration"], config.to_dict())
        result = None if difference else UnitResult.from_dict(stored)
    except KeyError as error:
        raise WorkFailedError(_damaged(file, f"it has no entry {error}")) from None
    except (DamagedError, InvalidArgumentError, ValueError, TypeError, AttributeError) as error:
        raise WorkFailedError(_damaged(file, str(error))) from None
    if result is None:
        raise ResultsConflictError(
            f"{file} is of another configuration ({difference}); delete it to train this unit again"
        )
    table = folder / TABLE
    if result.table_sha256 is not None and not table.exists():
        raise WorkFailedError(f"{table} is missing; delete {file} to train this unit again")
    if result.table_sha256 is not None and file_sha256(table) != result.table_sha256:
        raise WorkFailedError(f"{table} is damaged (its checksum differs); delete {file} to train this unit again")
    return result


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _damaged(file: Path, why: str) -> str:
    return f"{file} is damaged ({why}); delete it to train this unit again"


@dataclass(frozen=True)
class UnitMessage(Record):
    """What a unit says to the process that started it.

    Attributes:
        phase: ``"training"``, ``"evaluating"``, ``"finished"``, ``"non-finite"``, ``"failed"``; ``"warning"`` with a
            message for the user; ``"ended"`` once the process is gone.
        step: steps taken.
        loss: latest training loss in nats per token.
        tokens_per_second: current speed.
        message: why it failed, or the warning.
        interrupted: whether it was asked to stop.
        code: exit code of the process.
        validation: loss on validation documents, where it has just been measured.
    """

    phase: str
    step: int | None = field(default=None, metadata=_OPTIONAL)
    loss: float | None = field(default=None, metadata=_OPTIONAL)
    tokens_per_second: float | None = field(default=None, metadata=_OPTIONAL)
    message: str | None = field(default=None, metadata=_OPTIONAL)
    interrupted: bool | None = field(default=None, metadata=_OPTIONAL)
    code: int | None = field(default=None, metadata=_OPTIONAL)
    validation: float | None = field(default=None, metadata=_OPTIONAL)
