"""What a checkpoint's own image processor or feature extractor makes, as input for its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posembed.checkpoint.source import open_checkpoint
from posembed.extension.check.inputs import Arguments

FILES = ("preprocessor_config.json", "processor_config.json")
SIDES = (120, 160)
"""Of the image that is processed: neither square nor the size of any model."""
SECONDS = 3
"""Of the sound that is processed: longer than a frame, shorter than what models take."""


def prepared(folder: Path, names: Sequence[str]) -> Arguments:
    """Return those of some arguments of a model that its own processor makes.

    Args:
        folder: the checkpoint.
        names: of the arguments.
    """
    directory = open_checkpoint(folder).directory
    if not any((directory / name).is_file() for name in FILES):
        return {}
    made: Any = _images(directory) if any("pixel" in name or "patch" in name for name in names) else _sound(directory)
    return {name: made[name] for name in names if name in made}


def _images(directory: Path) -> Any:
    import transformers

    image = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), np.uint8)
    maker: Any = transformers.AutoImageProcessor
    processor = maker.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    return processor(images=image, return_tensors="pt")


def _sound(directory: Path) -> Any:
    import transformers

    maker: Any = transformers.AutoFeatureExtractor
    extractor = maker.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    sound = np.random.default_rng(0).normal(size=SECONDS * extractor.sampling_rate).astype(np.float32)
    return extractor(sound, sampling_rate=extractor.sampling_rate, return_tensors="pt")
