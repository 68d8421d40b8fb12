"""Inputs that a Transformers model takes: random tokens, pixels and sound of the sizes that its configuration names."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Arguments = dict[str, Tensor | bool]
FIRST_TOKEN, LAST_TOKEN = 3, 1000
"""Drawn ids lie between: special tokens mostly come before, and small vocabularies end early."""
# Fields that give the size of an image, or count the patches of a square one.
_IMAGE_FIELDS = ("image_size", "img_size", "input_size", "pretrain_image_size")
_PATCH_COUNTS = ("num_patches", "num_position_embeddings", "max_num_patches")
# Fields that give the frames of a sound, and how many of its frames one position takes.
_SOUND_FIELDS = (("max_source_positions", 2), ("max_length", 1), ("spec_size", 1), ("context_length", 1))
_BIN_FIELDS = ("num_mel_bins", "n_mels", "feature_size", "input_size", "num_input_channels")
_PIXELS = ("pixel_values", "pixel_values_videos")
_SOUNDS = ("input_features", "input_values", "past_values")
_WORDS = ("input_ids", "decoder_input_ids", "bbox")


@dataclass(frozen=True)
class Lengths:
    """Tokens of an input, and of the decoder's where it has one of its own."""

    text: int
    decoder: int


@dataclass(frozen=True)
class Call:
    """One way to call a model: the arguments by name, and which of the shapes of its configuration they have.

    Attributes:
        names: of the arguments.
        place: place in :func:`shapes`, of whatever is not text; the same place of another configuration of the model
            is its size there.
    """

    names: tuple[str, ...]
    place: int = 0

    def arguments(self, model: Any, lengths: Lengths) -> Arguments:
        """Return the arguments, alike for the same lengths and shapes."""
        generator = torch.Generator().manual_seed(0)
        made: Arguments = {}
        for name in self.names:
            if name in _WORDS:
                count = lengths.decoder if name.startswith("decoder") else lengths.text
                made[name] = _boxes(count) if name == "bbox" else _tokens(model.config, count, generator)
            else:
                made[name] = torch.randn(shapes(model.config, name)[self.place], generator=generator)
        if "use_cache" in _signature(model):
            made["use_cache"] = False
        return made

    def shape(self, model: Any) -> tuple[int, ...] | None:
        """Return the shape of the pixels or the sound, if there are some."""
        name = next((name for name in self.names if name not in _WORDS), None)
        return None if name is None else shapes(model.config, name)[self.place]


def calls(model: Any) -> Iterator[Call]:
    """Yield ways to call a model, the likely ones first."""
    taken = _signature(model)
    words = tuple(name for name in _WORDS if name in taken)
    for signals in (_PIXELS, _SOUNDS):
        for name in signals:
            if name in taken:
                for place in range(len(shapes(model.config, name))):
                    if words:
                        yield Call((*words, name), place)
                    yield Call((name,), place)
    if words:
        yield Call(words)


def shapes(config: Any, name: str) -> list[tuple[int, ...]]:
    """Return the shapes that a configuration suggests for an argument, in the order of its fields."""
    if name in _PIXELS:
        channels = (integers(config, "num_channels", "in_channels", "in_chans") or [3])[0]
        frames = integers(config, "num_frames", "tubelet_frames", "frames")[:1]
        images: list[tuple[int, ...]] = [(1, channels, *size) for size in image_sizes(config)]
        return [*((1, count, *image[1:]) for count in frames for image in images), *images]
    bins = (integers(config, *_BIN_FIELDS) or [80])[:1]
    times = [per * value for field, per in _SOUND_FIELDS for value in integers(config, field)]
    upright = [(1, time, count) for time in times for count in bins]
    lying = [(1, count, time) for time in times for count in bins]
    waves = [(1, 16000)]
    return [*lying, *upright, *waves] if name == "input_features" else [*upright, *lying, *waves]


def image_sizes(config: Any) -> list[tuple[int, int]]:
    """Return the image sizes that a configuration and its parts name, ``(height, width)``."""
    sizes: list[tuple[int, int]] = []
    for part in _parts(config):
        for field in _IMAGE_FIELDS:
            value = getattr(part, field, None)
            if isinstance(value, int) and not isinstance(value, bool):
                sizes.append((value, value))
            elif isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(n, int) for n in value):
                sizes.append((value[0], value[1]))
        patch = next(iter(integers(part, "patch_size")), 16)
        sides = [math.isqrt(count) for count in integers(part, *_PATCH_COUNTS)]
        sizes += [(side * patch, side * patch) for side in sides if side]
    return sizes


def integers(config: Any, *names: str) -> list[int]:
    """Return the whole numbers under some names, in a configuration and its parts."""
    found: list[int] = []
    for part in _parts(config):
        for name in names:
            value = getattr(part, name, None)
            values = value if isinstance(value, list | tuple) else [value]
            found += [number for number in values if isinstance(number, int) and not isinstance(number, bool)]
    return found


def _parts(config: Any) -> list[Any]:
    """A configuration and those inside it."""
    inner = [value for value in vars(config).values() if hasattr(value, "to_dict") and hasattr(value, "model_type")]
    return [config, *(part for value in inner for part in _parts(value))]


def _signature(model: Any) -> set[str]:
    return set(inspect.signature(model.forward).parameters)


def _tokens(config: Any, count: int, generator: torch.Generator) -> Tensor:
    special = {n for name, n in vars(config).items() if isinstance(n, int) and name.endswith(("_id", "_index"))}
    size = min([LAST_TOKEN, *integers(config, "vocab_size", "text_vocab_size")])
    usable = [token for token in range(FIRST_TOKEN, size) if token not in special] or [0]
    chosen = torch.randint(len(usable), (count,), generator=generator)
    return torch.tensor(usable)[chosen][None]


def _boxes(count: int) -> Tensor:
    """Boxes of words that stand one below the other, left, top, right, bottom."""
    top = torch.arange(count) % 90
    return torch.stack([top, top, top + 5, top + 5], dim=-1)[None]
