"""The part of a model that reads a table, and the features that it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from posembed.errors import WorkFailedError


class Seen:
    """What one call gave; it is filled while the call runs.

    Attributes:
        features: of each module that gave some, by its name: ``[inputs, tokens, d_model]``.
        logits: of the whole model, ``[inputs, tokens, vocabulary]``, where it has some.
    """

    def __init__(self) -> None:
        self.features: dict[str, Tensor] = {}
        self.logits: Tensor | None = None


def call(model: nn.Module, table: str, arguments: Mapping[str, Any]) -> Seen:
    """Call a model, and return what the modules around a table gave.

    Args:
        model: of Transformers or timm.
        table: name of the table's parameter.
        arguments: of the call.

    Raises:
        WorkFailedError: if no module around the table gives one vector per token or patch.
    """
    seen = Seen()
    with torch.no_grad(), _watched(model, table, seen):
        output = model(**arguments)
    logits = getattr(output, "logits", None)
    if isinstance(logits, Tensor) and logits.dim() == 3:
        seen.logits = logits
    if not seen.features:
        raise WorkFailedError(f"no part of {type(model).__name__} around {table} gives one vector per token")
    return seen


def innermost(seen: Seen) -> Tensor:
    """Return the features of the innermost module, as float32."""
    return seen.features[max(seen.features, key=len)].float()


@contextmanager
def _watched(model: nn.Module, table: str, seen: Seen) -> Iterator[None]:
    handles = []
    for name in _ancestors(table):
        module = model.get_submodule(name)
        handles.append(module.register_forward_hook(_keep_state(name, seen)))
        norm = getattr(module, "norm", None)
        if hasattr(module, "forward_features") and isinstance(norm, nn.Module):  # timm: its last norm sees all tokens
            handles.append(norm.register_forward_hook(_keep_tensor(name, seen)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _ancestors(table: str) -> Iterator[str]:
    """Yield the names of the modules that hold a parameter, the whole model first.

    Example:
        >>> list(_ancestors("bert.embeddings.position.weight"))
        ['', 'bert', 'bert.embeddings', 'bert.embeddings.position']
    """
    parts = table.split(".")[:-1]
    for count in range(len(parts) + 1):
        yield ".".join(parts[:count])


def _keep_state(name: str, seen: Seen) -> Callable[[nn.Module, Any, Any], None]:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        state = getattr(output, "last_hidden_state", None)
        if isinstance(state, Tensor) and state.dim() in (3, 4):
            # Four axes: an image, channels first.
            seen.features[name] = state if state.dim() == 3 else state.flatten(2).transpose(1, 2)

    return keep


def _keep_tensor(name: str, seen: Seen) -> Callable[[nn.Module, Any, Any], None]:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 3:
            seen.features[name] = output

    return keep
