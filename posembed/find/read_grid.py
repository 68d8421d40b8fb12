"""Image tables: the rows before and after the grid, and the fields that must follow it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import takewhile
from types import MappingProxyType

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, is_family, number, pair
from posembed.find.explain import Grid
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import RowShape
from posembed.find.verdict import Reading, explained, found_table, named
from posembed.layout import TableLayout

COLORS = 3
"""Channels of an image: red, green, blue."""


def read_grid(
    tensor: StoredTensor, shape: RowShape, grid: Grid, tensors: Mapping[str, StoredTensor] = MappingProxyType({})
) -> FoundTable:
    """Return the image table whose rows configuration fields explain; ``tensors`` are those beside it."""
    node, family = grid.node, grid.node.model_type
    how = (" // " if grid.pixels is not None else " × ").join(node.dotted(name) for name in grid.names)
    evidence = [
        named(tensor.key),
        f"{explained(shape.rows, f'{grid.height} × {grid.width}', grid.extra)} ({how})",
    ]
    suffix = 0
    for law in families.SUFFIXES:
        if is_family(family, law.families):
            more = number(node.fields.get(law.suffix)) if isinstance(law.suffix, str) else law.suffix
            suffix = min(more or 0, grid.extra)
            evidence.append(f"suffix {suffix}: {law.source}")
    prefix = grid.extra - suffix
    if prefix:
        evidence.append(f"prefix {prefix}: class and other tokens stand before the patches")
    layout = TableLayout(grid=(grid.height, grid.width), prefix=prefix, suffix=suffix)
    fields = grid_fields(grid, patch_beside(tensor.key, tensors))
    return found_table(tensor, shape, Reading(family, TableKind.GRID, layout, evidence, fields=fields))


def patch_beside(key: str, tensors: Mapping[str, StoredTensor]) -> tuple[int, int]:
    """Return the sides of a patch that the weights beside a table show; zeros if none do.

    A convolution has them as its last axes; a linear map takes the patch's numbers in three colors.
    """
    near: dict[int, tuple[int, int]] = {}
    for other, tensor in tensors.items():
        if not re.search(families.PATCH_WEIGHT, other):
            continue
        if len(tensor.shape) in (4, 5):
            patch = (tensor.shape[-2], tensor.shape[-1])
        elif len(tensor.shape) == 2 and tensor.shape[1] % COLORS == 0:
            side = math.isqrt(tensor.shape[1] // COLORS)
            patch = (side, side) if side * side * COLORS == tensor.shape[1] else (0, 0)
        else:
            continue
        same = takewhile(lambda parts: parts[0] == parts[1], zip(key.split("."), other.split("."), strict=False))
        near.setdefault(len(list(same)), patch)
    return near[max(near)] if near else (0, 0)


def grid_fields(grid: Grid, beside: tuple[int, int] = (0, 0)) -> tuple[FieldRule, ...]:
    """Return the fields that must follow a grid of another size.

    ``beside`` is the patch that the weights show, for configurations that leave its size to a default.
    """
    node = grid.node
    if grid.names == families.SPECTROGRAM_FIELDS:
        bins, frames, patch, *strides = families.SPECTROGRAM_FIELDS
        size = number(node.fields.get(patch)) or 1
        steps = [number(node.fields.get(stride)) or 1 for stride in strides]
        return (
            FieldRule(node.dotted(bins), "bins", (size, steps[0])),
            FieldRule(node.dotted(frames), "frames", (size, steps[1])),
        )
    if grid.pixels is not None:
        name = grid.names[0]
        image = pair(node.fields.get(name)) or (0, 0)
        unused = (image[0] - grid.height * grid.pixels[0], image[1] - grid.width * grid.pixels[1])
        return (FieldRule(node.dotted(name), "pixels", grid.pixels, unused),)
    count = number(node.fields.get(grid.names[0]))
    whole = len(grid.names) == 1 and count == grid.height * grid.width and count != grid.height
    amount = pair(node.fields.get(families.PATCH_FIELDS[0])) or beside
    return tuple(FieldRule(node.dotted(name), "count" if whole else "side", amount) for name in grid.names)


def read_shown_grid(tensor: StoredTensor, shape: RowShape, tree: list[Node], grid: Grid | None) -> FoundTable:
    """Return the image table whose shape is the grid itself; ``grid`` is what the configuration says, if anything."""
    assert shape.grid is not None
    agrees = grid is not None and (grid.height, grid.width) == shape.grid and grid.extra == 0
    evidence = [named(tensor.key), f"its shape {list(tensor.shape)} is a grid of {shape.grid[0]} × {shape.grid[1]}"]
    known = re.search(families.CONVENTIONAL, tensor.key) is not None
    reading = Reading(
        grid.node.model_type if agrees and grid is not None else tree[0].model_type,
        TableKind.GRID,
        TableLayout(grid=shape.grid),
        evidence,
        uncertain=not (agrees or known),
        fields=grid_fields(grid) if agrees and grid is not None else (),
    )
    return found_table(tensor, shape, reading)


def read_window(tensor: StoredTensor, shape: RowShape, tree: list[Node]) -> FoundTable | None:
    """Return a window tiled over a grid, the places in a patch, or NesT's rows in blocks; ``None`` for the rest."""
    if shape.grid is None:
        return None
    tall, wide = shape.grid
    if re.search(families.WINDOW, tensor.key):
        evidence = [named(tensor.key), f"a window of {tall} × {wide}, tiled over a grid"]
        reading = Reading(tree[0].model_type, TableKind.WINDOW, TableLayout(grid=shape.grid), evidence)
        return found_table(tensor, shape, reading)
    if re.search(families.INSIDE_PATCH, tensor.key):
        evidence = [named(tensor.key), f"{tall} × {wide} places inside one patch, the same for every patch"]
        reading = Reading(tree[0].model_type, TableKind.WINDOW, TableLayout(grid=shape.grid), evidence)
        return found_table(tensor, shape, reading)
    if re.search(families.BLOCKS, tensor.key) and shape.stored.holds_blocks:
        evidence = [named(tensor.key), f"{tall} blocks of {wide} rows (NesT)"]
        side = math.isqrt(shape.rows)
        reading = Reading(tree[0].model_type, TableKind.GRID, TableLayout(grid=(side, side)), evidence)
        return found_table(tensor, shape, reading)
    return None
