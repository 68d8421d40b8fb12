"""The parts of a model that hold a table, and whether a call reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def parameter_named(model: torch.nn.Module, key: str, values: Tensor | None = None) -> str | None:
    """Return the name that a tensor of a checkpoint has in a model, or ``None``.

    Tensors that hold its values come first, since a library may rename keys while it loads them. Otherwise, and of
    several, the one whose name ends most like the key: a model that is part of a larger one names its tensors without
    the prefix, or with one more.
    """
    tensors = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}
    same = [name for name, tensor in tensors.items() if values is not None and _holds(tensor, values)]
    best = max(same or tensors, key=lambda name: _likeness(name, key), default=None)
    return best if best is not None and (same or _likeness(best, key)) else None


def _likeness(name: str, key: str) -> int:
    parts, wanted = name.split("."), key.split(".")
    same = 0
    while same < min(len(parts), len(wanted)) and parts[-1 - same] == wanted[-1 - same]:
        same += 1
    return 2 * same + (same == len(wanted)) + (same == len(parts)) if same else 0


def _holds(tensor: Tensor, values: Tensor) -> bool:
    return tensor.numel() == values.numel() and torch.equal(tensor.detach().flatten().float(), values.flatten().float())


def parts(model: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a model that hold a tensor and can be called, with their paths, the largest first."""
    steps = name.split(".")[:-1]
    for end in range(1, len(steps) + 1):
        path = ".".join(steps[:end])
        module = part_of(model, path)
        own = not type(module).__module__.startswith("torch.")  # nobody calls a layer by the names of its arguments
        if own and type(module).forward is not torch.nn.Module.forward:
            yield path, module


def part_of(model: Any, path: str) -> Any:
    """Return a part of a model; one without a configuration gets that of the part around it."""
    part = model
    for step in path.split(".") if path else ():
        around, part = part, part.get_submodule(step)
        if not hasattr(part, "config"):
            part.config = around.config
    return part


class Watch(TorchFunctionMode):
    """Notes, while it is open, which of some tensors of a model its operations are given.

    Attributes:
        seen: their names. Asking for a shape or a dtype alone is no operation.
    """

    def __init__(self, model: torch.nn.Module, names: Iterable[str]) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self._names = {id(_tensor(model, name)): name for name in names}

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call an operation."""
        del types
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor | list | tuple) and not isinstance(result, torch.Size):
            given = [*args, *(kwargs or {}).values()]
            given += [inner for each in given if isinstance(each, list | tuple) for inner in each]
            self.seen |= {self._names[id(each)] for each in given if id(each) in self._names}
        return result


def _tensor(model: torch.nn.Module, name: str) -> Any:
    owner, _, last = name.rpartition(".")
    return getattr(model.get_submodule(owner), last)
