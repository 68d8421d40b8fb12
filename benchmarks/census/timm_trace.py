"""What timm's models say and show of their position tables: attributes for the grid, behavior for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.census.calls import CORNERS
from benchmarks.census.pixels import corner
from benchmarks.census.trace import RowMap, Scene, row_map, scene

LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
MOST_NUMBERS = 50_000_000
SIZES = (None, 224, 256, 384)
Grid = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Behavior:
    """What tracing shows of a parameter.

    Attributes:
        kind: ``grid`` (row by row), ``blocks`` (of a grid), ``axis`` (one coordinate), ``tiles`` (repeated over the
            grid), or why it is no table.
        channel_axis: the axis along which a row's numbers lie.
        prefix: rows before the grid.
        grid: its sides.
        resampled: whether the model resizes the table before it is added.
    """

    kind: str
    channel_axis: int = -1
    prefix: int = 0
    grid: Grid | None = None
    resampled: bool = False


def attribute_grid(owner: nn.Module, name: str) -> Grid | None:
    """The grid that the module which owns a parameter says it has, where it says so."""
    names = ("pos_embed_grid_size", "feat_size", "tokens_spatial_shape")
    said: list[Any] = [getattr(owner, attribute, None) for attribute in names]
    scaled = getattr(owner, "img_size_scaled", None)
    if scaled is not None and re.search(r"_\d$", name):  # one table a branch, each with an image size of its own
        branch = int(name[-1])
        patch = owner.get_submodule(f"patch_embed.{branch}").patch_size
        said += [[side // p for side, p in zip(scaled[branch], patch, strict=True)]]  # type: ignore[arg-type]
    said += [getattr(getattr(owner, part, None), "grid_size", None) for part in ("patch_embed", "pixel_embed")]
    for sides in said:
        if isinstance(sides, int):
            return sides, sides
        if isinstance(sides, (list, tuple)) and len(sides) == 2 and all(sides):
            return int(sides[0]), int(sides[1])
    return None


def candidates(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    """Parameters of two axes or more that no ordinary layer owns."""
    for prefix, owner in model.named_modules():
        for name, value in owner.named_parameters(recurse=False) if not isinstance(owner, LAYERS) else ():
            if sum(side > 1 for side in value.shape) >= 2:
                yield f"{prefix}.{name}".lstrip("."), value, owner


def _corners(read: RowMap) -> tuple[float, float, float] | None:
    """The rows that the places at the top left, top right and bottom left read."""
    if len(read.at) < len(CORNERS):
        return None
    first, right, low = (float(read.rows[read.at[where]]) for where in CORNERS)
    return first, right, low


def _exact(read: RowMap, shape: tuple[int, ...]) -> Behavior:
    """The meaning of a table whose rows the places read unchanged."""
    corners = _corners(read)
    if corners is None or min(corners) < 0:
        return Behavior("not bound to a place")
    first, right, low = (int(row) for row in corners)
    places = read.rows[read.rows >= first].tolist()
    if len(set(places)) < len(places):
        return Behavior("axis" if (first == right) != (first == low) else "tiles", read.channel_axis)
    width, step = right - first + 1, low - first
    if width < 2 or step < 1 or step % width:
        return Behavior("blocks", read.channel_axis)
    grid = (step // width + 1, width)
    if len(shape) == 4 and grid not in (shape[1:3], shape[2:]):
        return Behavior("blocks", read.channel_axis)
    return Behavior("grid", read.channel_axis, first, grid)


def _resampled(stage: Scene, value: Tensor, said: Grid | None) -> Behavior | None:
    """The meaning of a table that is resized before it is added: its corners still lie at the image's."""
    views: list[tuple[Tensor, int, Any]] = [(value.data, value.ndim - 1, said)]
    if value.ndim == 4:
        channels_last = value.data.permute(0, 2, 3, 1)
        views = [(value.data, 3, value.shape[1:3]), (channels_last, 1, value.shape[2:])]
    for view, axis, grid in views:
        read = row_map(stage, view) if grid is not None else ""
        corners = _corners(read) if isinstance(read, RowMap) else None
        if corners is None:
            continue
        height, width = grid
        across, down = corners[1] - corners[0], corners[2] - corners[0]
        if value.ndim == 3 and value.shape[1] in grid and min(abs(across), abs(down)) < 0.5:
            return Behavior("axis", axis, resampled=True)
        if abs(across - (width - 1)) < 2 and abs(down - (height - 1) * width) < 2 * width and min(grid) > 2:
            prefix = value.numel() // value.shape[axis] - height * width
            return Behavior("grid", axis, prefix, (int(height), int(width)), resampled=True)
    return None


def judge(stage: Scene, value: Tensor, said: Grid | None) -> Behavior:
    """What one parameter is, by the rows that places read of it."""
    if value.numel() > MOST_NUMBERS:
        return Behavior("too large to trace")
    read = row_map(stage, value)
    if isinstance(read, RowMap) and read.clean:
        return _exact(read, tuple(value.shape))
    again = _resampled(stage, value, said)
    if again is not None:
        return again
    if value.ndim == 3 and value.shape[0] == 2:  # two tables in one, whose rows are added
        part = row_map(stage, value.data[0])
        if isinstance(part, RowMap) and part.clean and _exact(part, tuple(value.shape[1:])).kind == "axis":
            return Behavior("axis", 2)
    return Behavior(read if isinstance(read, str) else "not additive")


def trace(model: nn.Module, image: tuple[int, int, int], keys: set[str]) -> dict[str, Behavior]:
    """Judge some parameters of a built model.

    Args:
        model: with memory; its constant parameters get random values.
        image: ``(channels, height, width)`` of its usual input.
        keys: names of parameters.
    """
    for value in model.parameters():  # nothing may hide behind a zero or a constant
        if value.numel() > 1 and bool(value.min() == value.max()):
            value.data.add_(torch.randn_like(value) * 0.02)

    def make(variant: str, size: Any) -> dict[str, Tensor]:
        seed = torch.Generator().manual_seed(8 if variant == "content" else 4)
        pixels = torch.rand((1, image[0], *size), generator=seed)
        return {"x": corner(pixels, variant, 1) if variant in CORNERS else pixels}

    failure = ""
    for side in SIZES:
        try:
            stage = scene(model, make, image[1:] if side is None else (side, side), CORNERS)
        except Exception as error:  # another size may do
            failure = failure or f"not run: {type(error).__name__}: {str(error)[:80]}"
            continue
        found = {key: (value, owner) for key, value, owner in candidates(model) if key in keys}
        return {key: judge(stage, value, attribute_grid(owner, key)) for key, (value, owner) in found.items()}
    return dict.fromkeys(keys, Behavior(failure))
