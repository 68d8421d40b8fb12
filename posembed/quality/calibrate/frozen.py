"""A model whose weights are frozen and whose position table is handed in with each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

_BYTES_AT_ONCE = 3 << 30  # of activations that are kept for the backward pass
_KEPT_LOGITS = 4  # logits, their float32 copy, its logarithm of the softmax, a gradient
_KEPT = 34  # float32 numbers that a layer keeps for each token and unit of width: measured for BERT and GPT-2


class FrozenModel:
    """Calls a model with a table in the place of its own.

    Args:
        model: it is set to evaluation (no dropout) and none of its parameters asks for a gradient from here on.
        key: name of the position table's parameter.
    """

    def __init__(self, model: nn.Module, key: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.key = key
        self.table: Tensor | None = None
        self.config: Any = getattr(model, "config", None)
        if self.config is not None and getattr(self.config, "use_cache", None):
            self.config.use_cache = False  # keys and values of whole inputs are of no use here

    def __call__(self, **inputs: Any) -> Any:
        """What the model gives, with the table that is read just now, or its own."""
        if self.table is None:
            return self.model(**inputs)
        return functional_call(self.model, {self.key: self.table}, kwargs=inputs)

    @contextmanager
    def reading(self, table: Tensor) -> Iterator[None]:
        """Calls within read this table."""
        self.table = table
        try:
            yield
        finally:
            self.table = None

    def parameters(self) -> Iterator[nn.Parameter]:
        """Of the model."""
        return self.model.parameters()

    def eval(self) -> FrozenModel:
        """As a module's own: it is in evaluation already."""
        return self


def inputs_at_once(model: nn.Module, length: int, *, logits: bool = False) -> int:
    """Inputs of a length whose activations fit into about 3 GiB; 0 where not even one does.

    Args:
        model: with a configuration of Transformers' names.
        length: of an input, in tokens.
        logits: whether it gives some for every token.
    """
    config = getattr(model, "config", None)
    layers, width = getattr(config, "num_hidden_layers", None), getattr(config, "hidden_size", None)
    if not isinstance(layers, int) or not isinstance(width, int):
        return 1
    numbers = _KEPT * layers * width + (_KEPT_LOGITS * _vocabulary(config) if logits else 0)
    return _BYTES_AT_ONCE // (4 * numbers * length)


def scored_at_once(model: nn.Module, length: int) -> int:
    """Inputs whose logits, without a backward pass, fit into as much; at least one."""
    vocabulary = _vocabulary(getattr(model, "config", None))
    return max(1, _BYTES_AT_ONCE // (4 * _KEPT_LOGITS * vocabulary * length)) if vocabulary else 1


def _vocabulary(config: Any) -> int:
    size = getattr(config, "vocab_size", 0)
    return size if isinstance(size, int) else 0


def recompute_layers(model: Any) -> None:
    """Gradient checkpointing: a layer's activations are computed again in the backward pass, not kept.

    Transformers checks `training` of each layer; its dropouts stay in evaluation, so outputs are the same. Layers that
    call the function `dropout` with their own rate (OPT's and BioGPT's do) get the rate 0.
    """
    if not getattr(model, "supports_gradient_checkpointing", False):
        return
    how = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # its name from transformers 5.23 on
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=how)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
    for module in model.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.training = True  # of this module alone: not of the dropouts in it
            for name, rate in vars(module).items():
                if "drop" in name and isinstance(rate, float):
                    setattr(module, name, 0.0)
