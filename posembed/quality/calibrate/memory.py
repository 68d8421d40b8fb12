"""How many inputs go through a model at once, and what to do where not even one fits."""

from __future__ import annotations

from typing import Any

from torch import nn

from posembed.quality.models.memory import SHARE, device_of, free_bytes

# Of activations that are kept for the backward pass. The whole process of a base-size model at 4,096 tokens then stays
# below 8 GiB (python -m benchmarks.calibration --memory).
_BYTES_AT_ONCE = 3 << 30
_BYTES = 4  # of a float32
# float32 numbers that a layer keeps per token and unit of width, measured for BERT and GPT-2.
_KEPT_PER_LAYER = 34
# Per token and entry of the vocabulary: logits, their float32 copy, its logarithm of the softmax, a gradient.
_KEPT_LOGITS = 4


def inputs_at_once(model: nn.Module, length: int, *, logits: bool = False) -> int:
    """Return how many inputs' activations fit into memory; 0 where not even one does.

    About 3 GiB are used on a CPU, and half of what an accelerator has free.

    Args:
        model: with a configuration of Transformers' names; 1 for any other.
        length: of an input, in tokens.
        logits: whether the model returns logits for every token.
    """
    config = getattr(model, "config", None)
    layers, width = getattr(config, "num_hidden_layers", None), getattr(config, "hidden_size", None)
    if not isinstance(layers, int) or not isinstance(width, int):
        return 1
    numbers = _KEPT_PER_LAYER * layers * width + (_KEPT_LOGITS * _vocabulary(config) if logits else 0)
    return _bytes_at_once(model) // (_BYTES * numbers * length)


def scored_at_once(model: nn.Module, length: int) -> int:
    """Return how many inputs' logits fit into as much without a backward pass; at least 1."""
    vocabulary = _vocabulary(getattr(model, "config", None))
    return max(1, _bytes_at_once(model) // (_BYTES * _KEPT_LOGITS * vocabulary * length)) if vocabulary else 1


def _bytes_at_once(model: Any) -> int:
    free = free_bytes(device_of(model))
    return _BYTES_AT_ONCE if free is None else int(free * SHARE)


def recompute_layers(model: Any) -> None:
    """Switch on gradient checkpointing: layers are computed again in the backward pass instead of being kept.

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


def _vocabulary(config: Any) -> int:
    size = getattr(config, "vocab_size", 0)
    return size if isinstance(size, int) else 0
