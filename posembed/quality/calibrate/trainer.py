"""The loop that trains a table: steps, evaluations of the validation loss, early stopping, a state to resume from."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from posembed.errors import WorkFailedError, WorkInterruptedError, first_line
from posembed.generations import DamagedError
from posembed.observer import Observer, Progress
from posembed.quality.calibrate.state import SavedState, useless
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.models.memory import fits
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationIdentity, CurvePoint
from posembed.torch_state import load_optimizer

_WARM_UP = 10  # steps; Adam's averages of the gradients are unreliable in the first ones
_LAST_RATE = 0.1  # of the peak: the cosine ends there, so that the last steps still learn
# Adam's second average reaches back 50 steps, not 1,000: a training has a few hundred.
_BETAS = (0.9, 0.98)
# Between two saves. A kill costs at most as much work, and a table of some megabytes is written in a fraction of that.
_SAVE_SECONDS = 20.0


class Objective(Protocol):
    """What a table is trained for."""

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the gradients of a step's loss to the table's parameters; the step alone decides its random numbers."""

    def validate(self, table: Tensor) -> float:
        """Return the loss of a whole table on the validation inputs."""

    def tokens(self, step: int) -> int:
        """Return the number of tokens of a step's training inputs."""

    def halve(self) -> bool:
        """Read half as many inputs at once from now on; return ``False`` where it is one already."""


class TableTrainer:
    """Adam on the table's parameters, with warm-up and cosine; the best table by validation is kept.

    Args:
        config: everything that decides the numbers.
        table: what is trained.
        objective: what it is trained for.
        identity: what a saved state belongs to.
    """

    def __init__(
        self, config: CalibrationConfig, table: CalibratedTable, objective: Objective, identity: CalibrationIdentity
    ) -> None:
        self.config, self.table, self.objective, self.identity = config, table, objective, identity
        self.optimizer = torch.optim.Adam(
            [{"params": table.shared, "peak": config.shift_rate}, {"params": [table.rows], "peak": config.row_rate}],
            lr=0.0,
            betas=_BETAS,
        )
        self.step = 0
        self.seconds = 0.0
        self.tokens = 0  # of the training inputs so far
        self.curve: list[CurvePoint] = []
        self.best = self._parameters()
        self._recent: list[float] = []

    def train(self, state: Path, observer: Observer) -> None:
        """Train until the last step, or until validation no longer improves; the table then holds its best rows.

        Args:
            state: the file to save to.
            observer: is shown every step, and asked after it whether to stop.

        Raises:
            WorkInterruptedError: if the observer asked to stop; the state is written first.
            WorkFailedError: if the loss is not finite.
        """
        clock = saved = time.perf_counter()
        if not self.curve:
            self.evaluate()
        if not self.step:
            observer.progress(self._progress())
        while self.step < self.config.steps and not self._waited_enough():
            loss = self._update()
            if not math.isfinite(loss):
                raise WorkFailedError(
                    f"the loss became {loss} at step {self.step} of {self.config.steps}: try a smaller learning rate, "
                    "or precision='fp32'"
                )
            self._recent.append(loss)
            if self.step % self.config.every == 0 or self.step == self.config.steps:
                self.evaluate()
            now = time.perf_counter()
            self.seconds, clock = self.seconds + now - clock, now
            stop = observer.should_stop()
            if stop or now - saved > _SAVE_SECONDS:
                self.save(state)
                saved = now
            observer.progress(self._progress(loss))
            if stop:
                raise WorkInterruptedError(
                    f"stopped at step {self.step} of {self.config.steps}; the work so far is kept in {state}: run "
                    "again with resume=True"
                )
        with torch.no_grad():
            for name, value in self.table.named_parameters():
                value.copy_(self.best[name])

    @property
    def start_loss(self) -> float:
        """Validation loss before the first step."""
        return self.curve[0].validation

    @property
    def best_loss(self) -> float:
        """The lowest validation loss."""
        return min(point.validation for point in self.curve)

    @torch.enable_grad()  # a caller may have switched it off
    def _update(self) -> float:
        """Take one optimizer step; return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(group["peak"], self.step, self.config.steps)
        loss = self.backward(self.step)
        self.optimizer.step()
        self.tokens += self.objective.tokens(self.step)
        self.step += 1
        return loss

    def backward(self, step: int) -> float:
        """Give the table's parameters the gradients of a step's loss, and return the loss.

        Where the memory does not suffice, half as many inputs are read at once, from then on.

        Raises:
            WorkFailedError: if not even one input fits.
        """
        losses: list[float] = []
        while True:
            self.optimizer.zero_grad()
            if fits(lambda: losses.append(self.objective.backward(self.table, step))):
                return losses[-1]
            if not self.objective.halve():
                raise WorkFailedError(
                    f"not even one training input of {self.config.document} tokens fits into the memory of "
                    f"{self.table.start.device}: use a smaller `document`, or device='cpu'"
                )

    def evaluate(self) -> None:
        """Compute the validation loss of the table as it is; keep the table if it is the best so far.

        Raises:
            WorkFailedError: if the loss is not finite.
        """
        with torch.no_grad():
            loss = self.objective.validate(self.table.written())
        if not math.isfinite(loss):
            raise WorkFailedError(
                f"the loss on validation texts is {loss} at step {self.step}: check the table's rows with posembed "
                "inspect, or try precision='fp32'"
            )
        if not self.curve or loss < self.best_loss:
            self.best = self._parameters()
        train = sum(self._recent) / len(self._recent) if self._recent else None
        self.curve.append(CurvePoint(self.step, train, loss))
        self._recent = []

    def _parameters(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.table.named_parameters()}

    def _waited_enough(self) -> bool:
        losses = [point.validation for point in self.curve]
        return len(losses) - 1 - losses.index(min(losses)) >= self.config.patience

    def _progress(self, train_loss: float | None = None) -> Progress:
        last = self.curve[-1]
        return Progress(
            "calibration",
            done=self.step,
            total=self.config.steps,
            phase="training",
            loss=last.validation,
            tokens_per_second=self.tokens / self.seconds if self.seconds else 0.0,
            seconds=self.seconds,
            train_loss=train_loss,
            validation_loss=last.validation if last.step == self.step else None,
        )

    def save(self, path: Path) -> None:
        """Write everything that the rest of the training depends on, whole or not at all."""
        SavedState(
            self.config,
            self.identity,
            self.table.start,
            self.step,
            self.seconds,
            dict(self.table.named_parameters()),
            self.best,
            self.optimizer.state_dict(),
            tuple(self.curve),
            tuple(self._recent),
        ).write(path)

    def restore(self, path: Path, saved: SavedState) -> None:
        """Resume from a state of the same configuration, texts, model and starting table.

        Args:
            path: its file.
            saved: what it holds.

        Raises:
            ResultsConflictError: if it belongs to other work.
            WorkFailedError: if its tensors do not fit the table.
        """
        saved.require_same(path, self.config, self.identity, self.table.start)
        parameters = dict(self.table.named_parameters())
        right = {name: tuple(value.shape) for name, value in parameters.items()}
        for values in (saved.table, saved.best):
            shapes = {name: tuple(value.shape) for name, value in values.items()}
            if shapes != right:
                raise WorkFailedError(useless(path, f"{path} is damaged (its tables have the shapes {shapes})"))
        try:
            load_optimizer(self.optimizer, saved.optimizer)
        except (DamagedError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise WorkFailedError(useless(path, f"{path} is damaged ({first_line(error)})")) from None
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(saved.table[name])
        self.step, self.seconds, self.best = saved.step, saved.seconds, dict(saved.best)
        self.curve, self._recent = list(saved.curve), list(saved.recent)
        self.tokens = sum(map(self.objective.tokens, range(self.step)))


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Return the learning rate of a step: its peak, a linear warm-up over ten steps, a cosine down to a tenth.

    Example:
        >>> [round(learning_rate(1.0, step, 100), 3) for step in (0, 9, 50, 99)]
        [0.1, 0.982, 0.55, 0.1]
    """
    warm = min(1.0, (step + 1) / _WARM_UP)
    cosine = _LAST_RATE + (1 - _LAST_RATE) / 2 * (1 + math.cos(math.pi * step / steps))
    return peak * warm * cosine
