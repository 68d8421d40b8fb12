"""Arguments of a call for several texts or images at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.extension.check.configuration import integers
from posembed.extension.check.inputs import Lengths, calls

TOKENS_PER_CALL = 2048
"""Tokens of the inputs of one call: enough to fill the cores, and some 0.2 GB of activations for a BERT."""
_TEXTS = ("input_ids", "decoder_input_ids")
_OTHER_VOCABULARY = 1000
"""Where no configuration says how many tokens there are: every real vocabulary has more."""


def text_arguments(model: Any, ids: Tensor) -> Iterator[dict[str, Tensor | int]]:
    """Yield ways to call a model on token ids ``[texts, tokens]``, those with the fewest other inputs first."""
    for call in sorted(calls(model), key=lambda each: len(each.names)):
        if any(name in _TEXTS for name in call.names):
            made = call.arguments(model, Lengths(ids.shape[1], ids.shape[1]))
            yield {name: ids if name in _TEXTS else _repeated(value, len(ids)) for name, value in made.items()}


def image_arguments(model: Any, count: int, seed: int) -> Iterator[dict[str, Tensor | int]]:
    """Yield ways to call a model on ``count`` smooth random images, those without other inputs first."""
    for call in sorted(calls(model), key=lambda each: len(each.names)):
        shape = call.shape(model)
        if shape is None:
            continue
        made = call.arguments(model, Lengths(_ASIDE, _ASIDE))
        yield {
            name: smooth_images((count, *shape[1:]), seed)
            if isinstance(value, Tensor) and tuple(value.shape) == shape and len(shape) >= _IMAGE_AXES
            else _repeated(value, count)
            for name, value in made.items()
        }


_ASIDE = 4  # tokens of a text beside an image
_IMAGE_AXES = 4


def smooth_images(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return random images: noise of 4, 8 and 16 cells a side, so that neighboring patches are alike as in photos.

    Example:
        >>> smooth_images((2, 3, 32, 32), 0).shape
        torch.Size([2, 3, 32, 32])
    """
    rng = torch.Generator().manual_seed(seed)
    height, width = shape[-2:]
    images = torch.zeros(1, int(torch.Size(shape[:-2]).numel()), height, width)
    for cells in (4, 8, 16):
        noise = torch.randn(1, images.shape[1], cells, cells, generator=rng)
        images += F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False) / cells
    return (images / images.std()).reshape(shape)


def vocabulary_of(model: Any) -> int:
    """Return the number of tokens that a model knows: of the smallest vocabulary, where it has several."""
    return min(integers(model.config, "vocab_size", "text_vocab_size"), default=_OTHER_VOCABULARY)


def _repeated(value: Tensor | int, count: int) -> Tensor | int:
    return value if isinstance(value, int) else value.expand(count, *value.shape[1:])
