"""The sizes that a model's configuration and signature name, and the shapes of pixels and sound that follow."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

Shape = tuple[int, ...]
Sides = tuple[int, int]
# Fields that give the size of an image, or count the patches of a square one.
_IMAGE_FIELDS = ("image_size", "img_size", "input_size", "pretrain_image_size")
_PATCH_COUNTS = ("num_patches", "num_position_embeddings", "max_num_patches")
# Fields that give the frames of a sound, and how many of its frames one position takes.
_SOUND_FIELDS = (("max_source_positions", 2), ("max_length", 1), ("spec_size", 1), ("context_length", 1))
WINDOWS = 4
"""Patches of a side that windows, or squares of merged patches, divide in most models that have them."""
ANY_TIME = 64
"""Frames of a sound for models that take any number."""
_BIN_FIELDS = ("num_mel_bins", "n_mels", "feature_size", "input_size", "num_input_channels")
_CHANNELS = ("num_channels", "in_channels", "in_chans", "channels")
_SOUNDS = ("input_features", "input_values", "past_values")


def shapes(config: Any, name: str) -> list[Shape]:
    """Return the shapes that a configuration suggests for an argument, in the order of its fields."""
    if name not in _SOUNDS:
        color, sizes = channels(config), image_sizes(config)
        frames = integers(config, "num_frames", "tubelet_frames", "frames")[:1]
        films: list[Shape] = [(1, count, color, *size) for count in frames for size in sizes]
        images: list[Shape] = [(1, color, *size) for size in sizes]
        # One image of a list; the frames of a film one after the other; an image above which its prompt is put; sides
        # that windows and merged patches divide.
        lists: list[Shape] = [(1, 1, color, *size) for size in sizes]
        flat: list[Shape] = [(count, color, *size) for count in frames for size in sizes]
        halves: list[Shape] = [(1, color, tall // 2, wide) for tall, wide in sizes]
        step = WINDOWS * (integers(config, "patch_size") or [16])[0]
        even: list[Shape] = [(1, color, *(-(-side // step) * step for side in size)) for size in sizes]
        return [*films, *images, *lists, *flat, *halves, *even]
    count = bins(config)
    times = [*(per * value for field, per in _SOUND_FIELDS for value in integers(config, field)), ANY_TIME]
    upright: list[Shape] = [(1, time, count) for time in times]
    lying: list[Shape] = [(1, count, time) for time in times]
    waves: list[Shape] = [(1, 16000)]
    return [*lying, *upright, *waves] if name == "input_features" else [*upright, *lying, *waves]


def bins(config: Any) -> int:
    """Return the bins of a spectrogram: 80, as Whisper's first models have, unless a configuration says otherwise."""
    return (integers(config, *_BIN_FIELDS) or [80])[0]


def channels(config: Any) -> int:
    """Return the channels of an image: three, unless a configuration says otherwise."""
    return (integers(config, *_CHANNELS) or [3])[0]


def image_sizes(config: Any) -> list[Sides]:
    """Return the image sizes that a configuration and its parts name, ``(height, width)``."""
    sizes: list[Sides] = []
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


def signature(model: Any) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a model, by name."""
    return inspect.signature(model.forward).parameters


def _parts(config: Any) -> list[Any]:
    """A configuration and those inside it."""
    inner = [value for value in vars(config).values() if hasattr(value, "to_dict") and hasattr(value, "model_type")]
    return [config, *(part for value in inner for part in _parts(value))]
