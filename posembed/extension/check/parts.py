"""The parts of a model that hold a table, and whether a call reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


def parameter_named(model: torch.nn.Module, key: str) -> str | None:
    """Return the name that a tensor of a checkpoint has in a model: the one that ends most like it.

    A model that is part of a larger one names its tensors without the prefix, or with one more; some names change while
    they are loaded, but their ends rarely do.
    """
    wanted = key.split(".")
    best, most = None, 0
    for name in [*dict(model.named_parameters(remove_duplicate=False)), *dict(model.named_buffers())]:
        parts = name.split(".")
        same = 0
        while same < min(len(parts), len(wanted)) and parts[-1 - same] == wanted[-1 - same]:
            same += 1
        score = 2 * same + (same == len(wanted)) + (same == len(parts))
        if same and score > most:
            best, most = name, score
    return best


def parts(model: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a model that hold a tensor and have a configuration, with their paths, the largest first."""
    steps = name.split(".")[:-1]
    for end in range(1, len(steps) + 1):
        path = ".".join(steps[:end])
        module = model.get_submodule(path)
        if hasattr(module, "config") and type(module).forward is not torch.nn.Module.forward:
            yield path, module


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
