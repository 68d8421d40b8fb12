"""Images that come as patches, already cut, or as states that another model made of patches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import Shape, Sides, channels, integers

_TIMES_SIDES = ("grid_thw", "image_grid_thw", "grid_thws")
_SIDES = ("grid_hw", "grid_hws", "image_grid_hws", "image_grid_hw", "spatial_shapes", "target_sizes", "tgt_sizes")
PLACES = ("pixel_position_ids", "image_position_ids")
GRIDS = (*_TIMES_SIDES, *_SIDES, *PLACES)
"""Arguments that give the grid of an image: frames and sides, sides alone, or the place of every patch."""
PLACED = "flattened_patches"
"""Patches whose first two numbers are the row and the column where each lies."""
SMALL = (12, 12)
"""Patches of an image for a table of coordinates: whole squares of 2, 3, 4 or 6 patches fit, in little time."""


def grid_argument(name: str, grid: Sides, last: int | None = None) -> Tensor:
    """Return one of those arguments for one image.

    Args:
        name: of the argument.
        grid: ``(height, width)`` in patches.
        last: coordinate of the last row and column; by default, the first ones are 0.

    Example:
        >>> grid_argument("grid_thw", (2, 3)), grid_argument("pixel_position_ids", (1, 2))
        (tensor([[1, 2, 3]]), tensor([[[0, 0],
                 [1, 0]]]))
        >>> grid_argument("pixel_position_ids", (1, 2), last=9)
        tensor([[[8, 9],
                 [9, 9]]])
    """
    height, width = grid
    if name in _TIMES_SIDES:
        return torch.tensor([[1, height, width]])
    if name in _SIDES:
        return torch.tensor([[height, width]])
    rows, columns = (torch.arange(side) + (0 if last is None else max(last + 1 - side, 0)) for side in grid)
    if last is not None:
        rows, columns = rows.clamp(max=last), columns.clamp(max=last)
    across, down = torch.meshgrid(columns, rows, indexing="xy")
    return torch.stack([across, down], -1).reshape(1, height * width, 2)


def placed(patches: Tensor, grid: Sides, last: int | None) -> Tensor:
    """Return patches that begin with their own row and column."""
    places = grid_argument(PLACES[0], grid, last).flip(-1).to(patches.dtype)
    return torch.cat([places, patches], dim=-1)


def state_shapes(model: Any, grid: Sides) -> list[Shape]:
    """Return the shapes of states that another model made of the patches of one image: a map, or one row a patch."""
    width = (integers(model.config, "hidden_size", "embed_dim", "d_model") or [1])[0]
    return [(1, width, *grid), (1, grid[0] * grid[1], width), (1, *grid, width)]


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
    widths = [*([] if first is None else [first]), *integers(config, "patch_embed_hidden_size")[:1]]
    return [*made, *(shape for width in widths for shape in ((count, width), (1, count, width)))]
