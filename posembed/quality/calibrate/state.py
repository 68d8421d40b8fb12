"""The file ``OUT.calibrating``: everything that the rest of a training depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.files import write_whole
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationIdentity, CurvePoint
from posembed.storage import differences


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
        """Write the state, whole or not at all."""
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
        write_whole(path, lambda temporary: torch.save(plain, temporary), parents=True)

    @classmethod
    def read(cls, path: Path) -> SavedState:
        """Return the state that :meth:`write` wrote.

        Raises:
            WorkFailedError: if the file is damaged.
        """
        try:
            plain = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises whatever the broken file leads to
            raise WorkFailedError(damaged(path, type(error).__name__)) from None
        try:
            return cls(
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
        except (KeyError, TypeError, AttributeError, InvalidArgumentError) as error:
            raise WorkFailedError(damaged(path, f"not the state of a calibration: {error}")) from None

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
        if not found and not torch.equal(self.start, start.cpu()):
            found = "the checkpoint's table has changed"
        if found:
            raise ResultsConflictError(conflict(path, found))


def conflict(path: Path, what: str) -> str:
    """Return the message about a state that belongs to other work."""
    return (
        f"{path} is the state of another calibration ({what}): delete it to start over, or write to another directory"
    )


def damaged(path: Path, why: str) -> str:
    """Return the message about a state that cannot be used."""
    return f"{path} is damaged ({why}): delete it to start over"
