"""Arguments that follow from the pixels, the sound or the text of a call: masks, sizes, prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import Sides, bins, integers, signature

_ALWAYS = ("image_sizes", "pixel_attention_mask", "input_features_mask", "feature_attention_mask", "codebook_idx")
"""Passed even where the signature has a default for them: without one of them, such models fail or guess."""
TILED = 5
"""Axes of pixels that are the tiles of one image; its size says how they lie."""


def besides(
    model: Any, made: Mapping[str, Tensor | int], signal: str | None, grid: Sides | None
) -> dict[str, Tensor | int]:
    """Return the further arguments that a model needs: those that its signature requires, and a few others.

    Args:
        model: to be called.
        made: the arguments so far.
        signal: the one that holds pixels or sound.
        grid: of an image that comes as patches, already cut.
    """
    found: dict[str, Tensor | int] = {}
    for name, parameter in signature(model).items():
        if name in made or (parameter.default is not parameter.empty and name not in _ALWAYS):
            continue
        if name == "codebook_idx":
            found |= _codebooks(model, made)
            continue
        value = _value(name, model, made, signal, grid)
        if value is not None:
            found[name] = value
    return found


def _codebooks(model: Any, made: Mapping[str, Tensor | int]) -> dict[str, Tensor | int]:
    """Return the tokens of all codebooks of a sound, and which of these is predicted: the last."""
    count, ids = integers(model.config, "n_codes_total", "num_codebooks")[0], made["input_ids"]
    assert isinstance(ids, Tensor)
    return {"input_ids": ids[..., None].expand(*ids.shape, count), "codebook_idx": count - 1}


def _value(
    name: str, model: Any, made: Mapping[str, Tensor | int], signal: str | None, grid: Sides | None
) -> Tensor | None:
    values = made.get(signal) if signal is not None else None
    if not isinstance(values, Tensor):
        ids = made.get("input_ids")
        return torch.ones_like(ids) if name == "attention_mask" and isinstance(ids, Tensor) else None
    height, width = (int(side) for side in values.shape[-2:]) if values.dim() > 1 else (1, 1)
    if name == "image_sizes":
        return torch.tensor([[height, width]]) if values.dim() == TILED else None
    if name.startswith("prompt_"):  # a second image that shows what to do
        return torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    if name == "patch_attention_mask":
        side = max(integers(model.config, "patch_size") or [16])
        return torch.ones(1, *(grid or (height // side, width // side)), dtype=torch.bool)
    if name == "pixel_attention_mask":
        return None if grid is None else torch.ones(1, grid[0] * grid[1], dtype=torch.long)
    if "feature" in name and name.endswith("mask"):  # the frames of a sound, whichever axis has them
        frames = next((size for size in values.shape[1:] if size != bins(model.config)), width)
        return torch.ones(values.shape[0], frames, dtype=torch.long)
    if name == "padding_positions":  # the patches that are none
        return torch.zeros(1, grid[0] * grid[1], dtype=torch.bool) if grid else None
    if name.endswith("mask"):
        return torch.ones(values.shape[0], grid[0] * grid[1] if grid else width, dtype=torch.long)
    return None
