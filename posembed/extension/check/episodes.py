"""Episodes: what an agent saw, did and got, step by step, with the number of each step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import integers

STEPS = "timesteps"
"""Holds the number of each step, which is the row that a table of time steps gives it."""
# Arguments with one vector per step, and the fields that give its width; without a field, it is one number.
_WIDTHS: dict[str, tuple[str, ...]] = {
    "states": ("state_dim",),
    "actions": ("act_dim", "action_dim"),
    "rewards": (),
    "returns_to_go": (),
}


def episode(names: Collection[str]) -> tuple[str, ...]:
    """Return those of a model's arguments that make up an episode; none where it has no numbered steps.

    Example:
        >>> episode(["states", "actions", "timesteps", "attention_mask"]), episode(["hidden_states", "actions"])
        (('states', 'actions', 'timesteps'), ())
    """
    found = tuple(name for name in (*_WIDTHS, STEPS) if name in names)
    return found if STEPS in found and len(found) > 1 else ()


def episode_argument(name: str, config: Any, count: int, last: int | None, generator: torch.Generator) -> Tensor:
    """Return one of those arguments for one episode.

    Args:
        name: of the argument.
        config: of the model.
        count: number of steps.
        last: number of the last step; by default, the first is 0.
        generator: of random numbers.
    """
    if name == STEPS:
        steps = torch.arange(count)
        return (steps if last is None else (steps + last + 1 - count).clamp(min=0))[None]
    width = (integers(config, *_WIDTHS[name]) or [1])[0] if _WIDTHS[name] else 1
    return torch.randn(1, count, width, generator=generator)
