"""The loop that trains a table: steps, looks at the validation loss, early stopping, a state to go on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.quality.calibrate.config import CalibrationConfig
from posembed.quality.calibrate.table import CalibratedTable
from posembed.storage import differences, write_whole

Report = Callable[[dict[str, Any]], None]
_WARM_UP = 10  # steps
_SAVE_SECONDS = 20.0


class Objective(Protocol):
    """What a table is trained for."""

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the gradients of a step's loss to the table's parameters; the step alone decides what is drawn."""

    def validate(self, table: Tensor) -> float:
        """The loss of a whole table on held-out inputs."""

    def tokens(self, step: int) -> int:
        """Tokens of a step's training inputs."""


class TableTrainer:
    """Adam on the table's two parameters, warm-up and cosine, the best table by validation kept.

    Args:
        config: everything that decides the numbers.
        table: what is trained.
        objective: what for.
        about: plain values that are kept with the state, ``sha256`` of the texts among them.
    """

    def __init__(
        self, config: CalibrationConfig, table: CalibratedTable, objective: Objective, about: dict[str, Any]
    ) -> None:
        self.config, self.table, self.objective, self.about = config, table, objective, about
        self.optimizer = torch.optim.Adam(
            [{"params": [table.shift], "peak": config.shift_rate}, {"params": [table.rows], "peak": config.row_rate}],
            lr=0.0,
            betas=(0.9, 0.98),
        )
        self.step = 0
        self.seconds = 0.0
        self.tokens = 0  # of the training inputs so far
        self.curve: list[dict[str, Any]] = []
        self.best = {name: value.detach().clone() for name, value in table.named_parameters()}
        self._recent: list[float] = []

    def train(self, state: Path, report: Report, should_stop: Callable[[], bool]) -> None:
        """Train until the last step, or until validation no longer improves; the table then holds its best rows.

        Raises:
            WorkInterruptedError: if ``should_stop`` said so; the state is written first.
            WorkFailedError: if the loss is no number.
        """
        clock = saved = time.perf_counter()
        if not self.curve:
            self.look()
        if not self.step:
            report(self._message())
        while self.step < self.config.steps and not self._waited_enough():
            loss = self._update()
            if not math.isfinite(loss):
                raise WorkFailedError(
                    f"the loss became {loss} at step {self.step} of {self.config.steps}: try a smaller learning rate, "
                    "or --precision fp32"
                )
            self._recent.append(loss)
            if self.step % self.config.every == 0 or self.step == self.config.steps:
                self.look()
            now = time.perf_counter()
            self.seconds, clock = self.seconds + now - clock, now
            stop = should_stop()
            if stop or now - saved > _SAVE_SECONDS:
                self.save(state)
                saved = now
            report(self._message())
            if stop:
                raise WorkInterruptedError(
                    f"stopped at step {self.step} of {self.config.steps}; the work so far is kept in {state}: go on "
                    "with --resume"
                )
        with torch.no_grad():
            for name, value in self.table.named_parameters():
                value.copy_(self.best[name])

    @property
    def start_loss(self) -> float:
        """Validation loss before the first step."""
        return float(self.curve[0]["validation"])

    @property
    def best_loss(self) -> float:
        """The least validation loss."""
        return min(float(entry["validation"]) for entry in self.curve)

    @torch.enable_grad()  # a caller may have switched it off
    def _update(self) -> float:
        config = self.config
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        cosine = 0.1 + 0.45 * (1 + math.cos(math.pi * self.step / config.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * warm * cosine
        self.optimizer.zero_grad()
        loss = self.objective.backward(self.table, self.step)
        self.optimizer.step()
        self.tokens += self.objective.tokens(self.step)
        self.step += 1
        return loss

    def look(self) -> None:
        """The validation loss of the table as it is; the best one is kept."""
        with torch.no_grad():
            loss = self.objective.validate(self.table.written())
        if not math.isfinite(loss):
            raise WorkFailedError(
                f"the loss on held-out texts is {loss} at step {self.step}: look at the table's rows with posembed "
                "inspect, or try --precision fp32"
            )
        if not self.curve or loss < self.best_loss:
            self.best = {name: value.detach().clone() for name, value in self.table.named_parameters()}
        train = sum(self._recent) / len(self._recent) if self._recent else None
        self.curve.append({"step": self.step, "train": train, "validation": loss})
        self._recent = []

    def _waited_enough(self) -> bool:
        losses = [entry["validation"] for entry in self.curve]
        return len(losses) - 1 - losses.index(min(losses)) >= self.config.patience

    def _message(self) -> dict[str, Any]:
        last = self.curve[-1]
        return {
            "phase": "training",
            "step": self.step,
            "steps": self.config.steps,
            "seconds": self.seconds,
            "loss": last["validation"],
            "tokens_per_second": self.tokens / self.seconds if self.seconds else 0.0,
        }

    def save(self, path: Path) -> None:
        """Write everything that the rest of the training depends on, whole or not at all."""
        state = {
            "configuration": self.config.to_json(),
            "about": self.about,
            "start": self.table.start,
            "step": self.step,
            "seconds": self.seconds,
            "table": dict(self.table.named_parameters()),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "curve": self.curve,
            "recent": self._recent,
        }
        write_whole(path, lambda temporary: torch.save(state, temporary))

    def restore(self, path: Path) -> None:
        """Go on from a state of the same configuration, texts and starting table.

        Raises:
            ResultsConflictError: if it is of other work.
            WorkFailedError: if it is damaged.
        """
        state = read_state(path)
        start = state["start"]
        found = differences(state["configuration"], self.config.to_json())
        if not found and state["about"]["sha256"] != self.about["sha256"]:
            found = "the texts have changed"
        if not found and state["about"].get("model_sha256") != self.about.get("model_sha256"):
            found = "the model's weights, its tokenizer or its pooling have changed"
        if not found and not torch.equal(start, self.table.start.cpu()):
            found = "the checkpoint's table is another one"
        if found:
            raise ResultsConflictError(
                f"{path} is the state of another calibration ({found}): delete it to start anew, or give another OUT"
            )
        try:
            with torch.no_grad():
                for name, value in self.table.named_parameters():
                    value.copy_(state["table"][name])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
            self.curve, self._recent = state["curve"], state["recent"]
            self.tokens = sum(map(self.objective.tokens, range(self.step)))
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WorkFailedError(_damaged(path, type(error).__name__)) from None


def read_state(path: Path) -> dict[str, Any]:
    """What :meth:`TableTrainer.save` wrote.

    Raises:
        WorkFailedError: if it is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the broken file leads to
        raise WorkFailedError(_damaged(path, type(error).__name__)) from None
    if not isinstance(state, dict) or not {"configuration", "about", "start", "step"} <= set(state):
        raise WorkFailedError(_damaged(path, "it is no state of a calibration"))
    return state


def _damaged(path: Path, why: str) -> str:
    return f"{path} is damaged ({why}): delete it to start anew"
