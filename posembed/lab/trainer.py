"""The training loop of one unit: AdamW, warm-up and cosine, gradient clipping, autocast, saved state."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.corpus import Corpus
from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.generations import DamagedError
from posembed.lab.losses import token_losses
from posembed.lab.model import LabModel
from posembed.lab.unit_result import UnitMessage
from posembed.records.comparison import CurvePoint, Speed
from posembed.records.unit import UnitConfig
from posembed.storage import differences
from posembed.torch_state import load_optimizer, load_state, save_state, unchecked
from posembed.windows import IGNORED, Windows, cut_windows, prediction_task

Report = Callable[[UnitMessage], None]
_CHECK_EVERY = 10  # steps between two checks of the loss: a check makes an accelerator wait
_WATCHED_DOCUMENTS = 64  # validation documents of the training curve, one window each: it shows progress, no result


class Trainer:
    """The training loop: AdamW, warm-up and cosine, gradient clipping, autocast."""

    def __init__(self, config: UnitConfig, corpus: Corpus, model: LabModel) -> None:
        self.config = config
        self.corpus = corpus
        self.model = model
        self.forward: Callable[..., Tensor] = torch.compile(model) if config.compile else model
        # Only masked tokens need logits; their number varies from step to step, which would recompile the model.
        self.masked = not config.causal and not config.compile
        matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and not n.startswith("embed.")]
        others = [p for n, p in model.named_parameters() if p.dim() < 2 or n.startswith("embed.")]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.95),
            fused=True,
        )
        self.step = 0
        self.seconds = 0.0
        self.rates: list[float] = []
        self.curve: list[CurvePoint] = []
        self._recent: list[float] = []

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of a step, on the CPU: a function of seed and step, the same for every encoding."""
        config, stream = self.config, self.corpus.train
        generator = np.random.default_rng([config.seed, step])
        begins = generator.integers(0, len(stream) - config.train_length, config.batch_size)
        tokens = stream[begins[:, None] + np.arange(config.train_length + 1)].astype(np.int64)
        inputs, targets = prediction_task(tokens, self.corpus, config.model, generator, training=True)
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step: linear warm-up, then a cosine down to a tenth of the peak."""
        config = self.config
        if step < config.warmup_steps:
            return config.learning_rate * (step + 1) / config.warmup_steps
        progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return config.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, progress))))

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context of mixed precision where the configuration asks for bf16."""
        if self.config.precision == "bf16":
            return torch.autocast(torch.device(self.config.device).type, dtype=torch.bfloat16)
        return nullcontext()

    def update(self) -> Tensor:
        """Take one optimizer step and return the loss, still on its device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        device = self.config.device
        inputs, targets = self.batch(self.step)
        inputs, targets = inputs.to(device), targets.flatten()
        with self.autocast():
            if self.masked:
                only = (targets != IGNORED).nonzero()[:, 0]  # on the CPU: nobody waits for the device
                logits, targets = self.forward(inputs, only.to(device)), targets[only]
            else:
                logits = self.forward(inputs).flatten(0, 1)
        loss = F.cross_entropy(logits.float(), targets.to(device), ignore_index=IGNORED)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def train(self, checkpoint: Path, report: Report, should_stop: Callable[[], bool], save_seconds: float) -> str:
        """Train to the last step, and return ``""``, or why the loss broke.

        Args:
            checkpoint: where the state is saved every ``save_seconds``, and before stopping.
            report: receives a message at every check of the loss.
            should_stop: asked after every step.
            save_seconds: seconds between two saves.

        Raises:
            WorkInterruptedError: if ``should_stop`` said so; the state is saved first.
        """
        config = self.config
        watched = self._validation_windows()
        marks = {round(config.steps * (i + 1) / config.evaluations) for i in range(config.evaluations)}
        pending: list[Tensor] = []
        saved = clock = time.perf_counter()
        while self.step < config.steps:
            pending.append(self.update())
            at_mark = self.step in marks
            if not (at_mark or self.step % _CHECK_EVERY == 0 or self.step == config.steps or should_stop()):
                continue
            losses = torch.stack(pending).tolist()
            now = time.perf_counter()
            rate = len(pending) * config.batch_size * config.train_length / (now - clock)
            self.seconds += now - clock
            self.rates.append(rate)
            pending.clear()
            bad = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), None)
            if bad is not None:
                step = self.step - len(losses) + bad + 1
                return f"the loss became {losses[bad]} at step {step} of {config.steps}"
            self._recent += losses
            validation = self._mark(watched) if at_mark else None
            report(UnitMessage("training", self.step, losses[-1], rate, validation=validation))
            stop = should_stop()  # asked once, so that the message below is true
            if stop or (time.perf_counter() - saved > save_seconds and self.step < config.steps):
                self.save(checkpoint)
                saved = time.perf_counter()
            if stop:
                raise WorkInterruptedError(f"stopped at step {self.step} of {config.steps}; the work so far is saved")
            clock = time.perf_counter()
        return ""

    def _validation_windows(self) -> Windows:
        return cut_windows(self.corpus.validation, self.config.train_length, 1, _WATCHED_DOCUMENTS)

    def _mark(self, watched: Windows) -> float:
        """Add a point to the curve, and return its validation loss."""
        losses = token_losses(self.model, watched, self.corpus, self.config)
        train = sum(self._recent) / len(self._recent)
        validation = float(np.nanmean(losses))
        self.curve.append(CurvePoint(self.step, train, validation))
        self._recent.clear()
        return validation

    def speed(self) -> Speed:
        """Return seconds of training (without evaluation) and the median rate."""
        rate = float(np.median(self.rates)) if self.rates else None
        return Speed(self.seconds, rate)

    def save(self, path: Path) -> None:
        """Write everything that the rest of the training depends on, whole or not at all; keep the state before it."""
        state = {
            "configuration": self.config.to_dict(),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "curve": [point.to_dict() for point in self.curve],
            "recent": self._recent,
            "seconds": self.seconds,
            "rates": self.rates,
        }
        save_state(path, state, self.step)

    def restore(self, path: Path) -> Sequence[str]:
        """Resume from the newest undamaged checkpoint, of the same configuration.

        Returns:
            What the user should know: that an older one is used, or that it has no checksum.

        Raises:
            WorkFailedError: if every checkpoint is damaged.
            ResultsConflictError: for the state of another configuration.
        """
        try:
            found = load_state(path, functools.partial(self._restore, path.parent))
        except DamagedError as error:
            raise WorkFailedError(f"{error}; delete {path} to train this unit again") from None
        return [each for each in (found.warning, "" if found.sealed else unchecked(found.path)) if each]

    def _restore(self, folder: Path, state: Mapping[str, Any]) -> None:
        """Take over a state. A second call, for an older one, replaces whatever a first one left."""
        require_same(dict(state["configuration"]), self.config, folder)
        step, numbers = state["step"], [*state["recent"], *state["rates"], state["seconds"]]
        if not isinstance(step, int) or not 0 <= step <= self.config.steps:
            raise DamagedError(f"it was saved at step {step!r} of {self.config.steps}")
        if not all(isinstance(number, float) for number in numbers):
            raise DamagedError("its losses, rates or seconds are not numbers")
        curve = [CurvePoint.from_dict(point) for point in state["curve"]]
        self.model.load_state_dict(state["model"])
        load_optimizer(self.optimizer, state["optimizer"])
        self.step, self._recent, self.curve = step, state["recent"], curve
        self.seconds, self.rates = state["seconds"], state["rates"]


def require_same(stored: Mapping[str, object], config: UnitConfig, folder: Path) -> None:
    """Refuse to resume in a folder that holds the work of another configuration.

    Raises:
        ResultsConflictError: naming every difference.
    """
    if difference := differences(stored, config.to_dict()):
        raise ResultsConflictError(
            f"{folder} holds the work of another configuration ({difference}); give another `out`"
        )
