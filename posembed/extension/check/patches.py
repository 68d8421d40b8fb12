"""Images that come as patches, already cut, with an argument that says where each one lies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import Shape, Sides, channels, integers

_TIMES_SIDES = ("grid_thw", "image_grid_thw", "grid_thws")
_SIDES = ("grid_hw", "grid_hws", "image_grid_hws", "image_grid_hw", "spatial_shapes", "target_sizes", "tgt_sizes")
_PLACES = ("pixel_position_ids", "image_position_ids")
GRIDS = (*_TIMES_SIDES, *_SIDES, *_PLACES)
"""Arguments that give the grid of an image: frames and sides, sides alone, or the place of every patch."""


def grid_argument(name: str, grid: Sides) -> Tensor:
    """Return one of those arguments for one image.

    Example:
        >>> grid_argument("grid_thw", (2, 3)), grid_argument("pixel_position_ids", (1, 2))
        (tensor([[1, 2, 3]]), tensor([[[0, 0],
                 [1, 0]]]))
    """
    height, width = grid
    if name in _TIMES_SIDES:
        return torch.tensor([[1, height, width]])
    if name in _SIDES:
        return torch.tensor([[height, width]])
    across, down = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
    return torch.stack([across, down], -1).reshape(1, height * width, 2)


def patch_shapes(model: Any, grid: Sides) -> list[Shape]:
    """Return the shapes in which libraries pass the patches of one image, the same number for every grid."""
    config, count = model.config, grid[0] * grid[1]
    side = max(integers(config, "patch_size", "vision_patch_size") or [16])
    times = (integers(config, "temporal_patch_size", "patch_temporal") or [1])[0]
    color = channels(config)
    flat, film = color * side * side, color * times * side * side
    made: list[Shape] = [
        (count, film),
        (1, count, flat),
        (count, color, side, side),
        (1, count, color, side, side),
        (count, flat),
        (1, color, side, count * side),  # one strip of patches
    ]
    # The first linear map of a model that takes patches reads them.
    first = next((module.in_features for module in model.modules() if isinstance(module, torch.nn.Linear)), None)
    return made if first is None else [*made, (count, first), (1, count, first)]
