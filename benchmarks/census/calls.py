"""What every way to call a tower needs: its signature, its numbers, its token ids."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

CORNERS = ("top left", "top right", "bottom left")
LATE = "last frame"
LENGTH, DECODER_LENGTH = 7, 5
Inputs = dict[str, Any]


@dataclass
class Recipe:
    """One way to call a tower: `make(variant, size)` gives the arguments."""

    kind: str
    make: Callable[[str, Any], Inputs]
    size: Any
    longer: Any = None
    note: dict[str, Any] = field(default_factory=dict)


def signature(tower: nn.Module) -> dict[str, inspect.Parameter]:
    """Give the parameters of a tower's forward by name."""
    return dict(inspect.signature(tower.forward).parameters)


def integers(config: Any, *names: str) -> list[int]:
    """Read whole numbers under any of the names from a configuration and the ones inside it, lists flattened."""
    found: list[int] = []
    layers = [config, *(v for v in vars(config).values() if hasattr(v, "to_dict"))]
    for layer in layers:
        for name in names:
            value = getattr(layer, name, None)
            values = (
                value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
            )
            found += [v for v in values if isinstance(v, int) and not isinstance(v, bool) and v not in found]
    return found


def tokens(generator: torch.Generator, length: int, config: Any) -> Tensor:
    """Draw distinct ordinary token ids: none of the special ones, all inside the smallest vocabulary."""
    special = {v for k, v in vars(config).items() if isinstance(v, int) and ("_id" in k or "index" in k)}
    size = min(integers(config, "vocab_size", "text_vocab_size", "n_words") or [300])
    usable = [i for i in range(3, min(size, 1190)) if i not in special]
    picks = torch.randperm(len(usable), generator=generator)
    return torch.tensor([[usable[int(picks[i % len(usable)])] for i in range(length)]])
