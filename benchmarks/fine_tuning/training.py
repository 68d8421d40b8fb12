"""Train all weights of a model step by step, stop at any step, and resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from posembed.files import write_whole

WARMUP = 10  # steps until the rate is full; constant from there on, so that no step is special
_CLIP = 1.0  # norm of the gradient, as in Transformers' Trainer
_DECAY = 0.01  # the default of torch's AdamW


class Trainee:
    """A model and its optimizer at some step.

    Args:
        parts: modules with their learning rates; all their parameters are trained.
        loss: the loss of a step with gradient; the step's number alone decides what is read.
    """

    def __init__(self, parts: list[tuple[nn.Module, float]], loss: Callable[[int], Tensor]) -> None:
        self.loss, self.step = loss, 0
        self.modules = nn.ModuleList(module for module, _ in parts).requires_grad_(True)
        self.rates = [rate for _, rate in parts]
        groups = [{"params": list(module.parameters())} for module, _ in parts]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY, fused=True)

    def advance(self, until: int) -> None:
        """Train to a step."""
        while self.step < until:
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * min(1.0, (self.step + 1) / WARMUP)
            self.optimizer.zero_grad()
            self.loss(self.step).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.modules.parameters(), _CLIP)
            self.optimizer.step()
            self.step += 1

    def save(self, path: Path) -> None:
        """Write everything that later steps depend on."""
        state = {
            "step": self.step,
            "modules": self.modules.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_whole(path, lambda temporary: torch.save(state, temporary), parents=True)

    def restore(self, path: Path) -> None:
        """Resume from what was saved."""
        state = torch.load(path, weights_only=True)
        self.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
