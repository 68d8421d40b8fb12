"""The file ``OUT.calibrating``: everything that the rest of a training depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posembed.errors import ResultsConflictError, WorkFailedError
from posembed.generations import DamagedError, Generation
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationIdentity, CurvePoint
from posembed.storage import differences
from posembed.torch_state import load_state, save_state


@dataclass(frozen=True)
class SavedState:
    """A training between two steps.

    Attributes:
        configuration: everything that decides the numbers.
        identity: the texts, the model and the start that it belongs to.
        start: the table before the first step, ``[rows, d_model]``.
        step: optimizer steps so far.
        seconds: time spent in training so far.
        table: the trained parameters by name.
        best: the same at the best validation loss.
        optimizer: PyTorch's state of the optimizer.
        curve: every evaluation.
        recent: training losses since the last one.
    """

    configuration: CalibrationConfig
    identity: CalibrationIdentity
    start: Tensor
    step: int
    seconds: float
    table: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimizer: Any
    curve: tuple[CurvePoint, ...]
    recent: tuple[float, ...]

    def write(self, path: Path) -> None:
        """Write the state, whole or not at all, with a checksum; the state before it is kept."""
        plain = {
            "configuration": self.configuration.to_dict(),
            "about": self.identity.to_dict(),
            "start": self.start,
            "step": self.step,
            "seconds": self.seconds,
            "table": dict(self.table),
            "best": dict(self.best),
            "optimizer": self.optimizer,
            "curve": [point.to_dict() for point in self.curve],
            "recent": list(self.recent),
        }
        save_state(path, plain, self.step)

    @classmethod
    def read(cls, path: Path) -> Generation[SavedState]:
        """Return the newest undamaged state that :meth:`write` wrote.

        Raises:
            WorkFailedError: if every state is damaged.
        """
        try:
            return load_state(path, cls._parsed)
        except DamagedError as error:
            raise WorkFailedError(useless(path, str(error))) from None

    @classmethod
    def _parsed(cls, plain: Mapping[str, Any]) -> SavedState:
        saved = cls(
            configuration=CalibrationConfig.from_dict(plain["configuration"]),
            identity=CalibrationIdentity.from_dict(plain["about"]),
            start=plain["start"],
            step=plain["step"],
            seconds=plain["seconds"],
            table=plain["table"],
            best=plain["best"],
            optimizer=plain["optimizer"],
            curve=tuple(CurvePoint.from_dict(point) for point in plain["curve"]),
            recent=tuple(plain["recent"]),
        )
        saved._check()
        return saved

    def _check(self) -> None:
        """Refuse what no training leaves; a state of version 0.2 has no checksum that would show it."""
        if not isinstance(self.step, int) or not 0 <= self.step <= self.configuration.steps:
            raise DamagedError(f"it was saved at step {self.step!r} of {self.configuration.steps}")
        if not isinstance(self.seconds, float) or not all(isinstance(loss, float) for loss in self.recent):
            raise DamagedError("its seconds or losses are not numbers")
        if any(not 0 <= point.step <= self.step for point in self.curve):
            raise DamagedError("it has evaluations after its last step")
        for values in (self.table, self.best):
            if any(value.shape != self.table[name].shape for name, value in values.items()):
                raise DamagedError("its tables differ in shape")

    def require_same(self, path: Path, config: CalibrationConfig, identity: CalibrationIdentity, start: Tensor) -> None:
        """Refuse to resume with other settings, texts, weights or another table.

        Raises:
            ResultsConflictError: naming what differs.
        """
        found = differences(self.configuration.to_dict(), config.to_dict())
        if not found and self.identity.sha256 != identity.sha256:
            found = "the texts have changed"
        if not found and self.identity.model_sha256 != identity.model_sha256:
            found = "the model's weights, its tokenizer or its pooling have changed"
        if not found and not torch.equal(self.start.cpu(), start.cpu()):
            found = "the checkpoint's table has changed"
        if found:
            raise ResultsConflictError(conflict(path, found))


def conflict(path: Path, what: str) -> str:
    """Return the message about a state that belongs to other work."""
    return (
        f"{path} is the state of another calibration ({what}): delete it to start over, or write to another directory"
    )


def useless(path: Path, why: str) -> str:
    """Return the message about work that cannot be resumed."""
    return f"{why}, so the work cannot be resumed: delete {path} to start over"
