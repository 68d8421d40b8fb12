"""A model whose weights are frozen and whose position table is passed in with each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


class FrozenModel:
    """Call a model with another table in place of its own.

    Args:
        model: set to evaluation (no dropout), its parameters to require no gradient.
        key: name of the position table's parameter.
    """

    def __init__(self, model: nn.Module, key: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.key = key
        self.table: Tensor | None = None
        self.config: Any = getattr(model, "config", None)
        if self.config is not None and getattr(self.config, "use_cache", None):
            self.config.use_cache = False  # whole inputs are read at once: stored keys and values only take memory

    def __call__(self, **inputs: Any) -> Any:
        """Return the model's output, computed with the table of :meth:`reading`, or with its own outside of it."""
        if self.table is None:
            return self.model(**inputs)
        return functional_call(self.model, {self.key: self.table}, kwargs=inputs)

    @contextmanager
    def reading(self, table: Tensor) -> Iterator[None]:
        """Let calls within the context read ``table``."""
        self.table = table
        try:
            yield
        finally:
            self.table = None

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the model's parameters."""
        return self.model.parameters()

    def eval(self) -> FrozenModel:
        """No-op: the model is already in eval mode."""
        return self
