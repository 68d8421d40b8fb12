"""Fields of ``config.json`` that must change with a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Under the same names here: programs written for 0.1 import these from the module that this one replaced.
from posembed.extension.field_change import FieldChange as FieldChange
from posembed.extension.field_change import apply_changes as apply_changes
from posembed.extension.field_change import in_form, resized
from posembed.extension.field_change import look as look
from posembed.extension.image_fields import image_tokens, keyed_changes, tiled_changes
from posembed.extension.merged_patches import merge_of
from posembed.find import families
from posembed.find.config import is_family, nodes, number, pair
from posembed.find.families import companions
from posembed.find.found import FieldRule, FoundTable
from posembed.layout import TableLayout

Sides = tuple[int, int]


def config_changes(
    file: Path, config: Mapping[str, object], table: FoundTable, new: TableLayout, pixels: Sides | None = None
) -> Iterator[FieldChange]:
    """Yield the fields of ``config.json`` that must change for a table's new layout.

    Args:
        file: the configuration's file.
        config: its content.
        table: the table, before.
        new: its layout, afterwards.
        pixels: the image's new size, ``(height, width)``, where the call names it.
    """
    for rule in table.fields:
        path = tuple(rule.name.split("."))
        before = look(config, path)
        after = new_value(rule, before, table, new, pixels)
        for where in _twins(config, path):
            old = look(config, where)
            if old == before and old != after:
                yield FieldChange(file, where, old, after, f"explains the rows of {table.key}")
        if rule.unit == "pixels":
            yield from _shared_sizes(file, config, rule, after, (table.layout, new))
        if rule.name == families.TIMM_SIZES[1] and not re.search(families.TIMM_FIXED, table.family):
            own = tuple(families.TIMM_SIZES[0].split("."))
            size = list(pair(after) or ())
            yield FieldChange(file, own, look(config, own), size, "timm builds the model for it")
        if table.layout.grid is not None:
            yield from _grid_counts(file, config, path, table.layout, new)
            yield from image_tokens((file, config), table.layout, new, merge_of(config)[0])
            keyed, counts = companions.KEYED_BY_PATCHES, (table.layout.positions, new.positions)
            yield from keyed_changes((file, config), keyed, *counts)
        if rule.unit == "pixels":
            yield from _image_parts(file, config, before, after)
        if rule.unit == "rows":
            yield from _pinned(file, config, path, table.family)
            yield from _length_aliases(file, config, path, {before: after, table.usable_length: _usable(table, new)})


def new_value(rule: FieldRule, before: Any, table: FoundTable, new: TableLayout, pixels: Sides | None = None) -> Any:
    """Return a field's value for a table's new layout; the side of a grid that stays keeps its size to the pixel."""
    if rule.unit == "rows":
        return new.rows - rule.amount[0]
    if rule.unit == "tubelets":
        return new.positions // rule.amount[0] * rule.amount[1]
    assert new.grid is not None
    if rule.unit == "count":
        return new.grid[0] * new.grid[1]
    old = table.layout.grid or (0, 0)
    if rule.unit in ("bins", "frames"):
        side = 0 if rule.unit == "bins" else 1
        return before if new.grid[side] == old[side] else (new.grid[side] - 1) * rule.amount[1] + rule.amount[0]
    height, width = new.grid
    if rule.unit == "pixels":
        height, width = pixels or _in_pixels(rule, old, new.grid)
    if len(table.fields) == 2 and rule.unit == "side":  # one field a side
        return height if rule is table.fields[0] else width
    if before is None and rule.unit == "side" and not rule.square:
        return [height, width]  # left to its default, which the library writes as a pair
    return in_form(before, height, width)


def _in_pixels(rule: FieldRule, old: Sides, new: Sides) -> Sides:
    """Return the pixels of a grid; unused ones at the end of a side stay where its patches do."""
    height, width = (
        count * patch + over + (unused if count == was else 0)
        for count, patch, over, unused, was in zip(new, rule.amount, rule.overlap, rule.unused, old, strict=True)
    )
    return height, width


def _usable(table: FoundTable, new: TableLayout) -> int:
    return new.usable_length - table.look_ahead


def _twins(config: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the field itself and its copy in ``text_config_dict`` and the like, which old CLIP files read after it."""
    yield path
    for place in range(len(path) - 1):
        twin = (*path[:place], f"{path[place]}_dict", *path[place + 1 :])
        if look(config, twin) is not None:
            yield twin


def _length_aliases(
    file: Path, config: Mapping[str, object], path: tuple[str, ...], lengths: Mapping[Any, int]
) -> Iterator[FieldChange]:
    """Yield the other names of a sequence table's length in the same part of a configuration."""
    for alias in companions.LENGTH_ALIASES:
        where = (*path[:-1], alias)
        value = number(look(config, where))
        if where != path and value in lengths and value != lengths[value]:
            yield FieldChange(file, where, value, lengths[value], f"another name of {path[-1]}")


def _pinned(file: Path, config: Mapping[str, object], path: tuple[str, ...], family: str) -> Iterator[FieldChange]:
    """Yield the fields that must hold the old length in numbers, since other weights have it."""
    for law in families.PINNED:
        where = (*path[:-1], law.field)
        before, length = number(look(config, where)), number(look(config, path))
        follows = path[-1] == law.follows and is_family(family, law.families)
        if follows and length is not None and (before or 0) < 1 and look(config, (*path[:-1], law.switch)):
            yield FieldChange(file, where, before, length, f"the relative positions keep the old {law.follows}")


def _shared_sizes(
    file: Path, config: Mapping[str, object], rule: FieldRule, after: Any, layouts: tuple[TableLayout, TableLayout]
) -> Iterator[FieldChange]:
    """Yield the other fields that must hold the size that ``rule`` holds, wherever their part lies."""
    before = pair(look(config, rule.name.split(".")))
    new = pair(after)
    types = {node.model_type for node in nodes(config)}
    for law in families.SHARED_SIZES:
        if before is None or new is None or not any(is_family(each, law.families) for each in types):
            continue
        for own in law.fields:
            head = rule.name.removesuffix(own)
            if head == rule.name or (head and not head.endswith(".")):
                continue
            for name in law.fields:
                where = tuple(f"{head}{name}".split("."))
                value = look(config, where)
                if name != own and pair(value) == before:
                    yield FieldChange(file, where, value, in_form(value, *new), f"must equal {rule.name}")
            for name in law.sides:
                where = tuple(f"{head}{name}".split("."))
                yield from _side(file, config, where, layouts)


def _side(
    file: Path, config: Mapping[str, object], where: tuple[str, ...], layouts: tuple[TableLayout, TableLayout]
) -> Iterator[FieldChange]:
    old, new = (layout.grid for layout in layouts)
    value = look(config, where)
    if old is not None and new is not None and pair(value) == old:
        yield FieldChange(file, where, value, in_form(value, *new), "counts the patches of one side")


def _grid_counts(
    file: Path, config: Mapping[str, object], path: tuple[str, ...], old: TableLayout, new: TableLayout
) -> Iterator[FieldChange]:
    """Yield the fields beside the one that sizes a grid which count its patches or rows as well."""
    for name in families.GRID_COUNT_ALIASES:
        where = (*path[:-1], name)
        value = number(look(config, where))
        if where != path and value in (old.positions, old.rows):
            after = new.positions if value == old.positions else new.rows
            yield FieldChange(file, where, value, after, f"counts the patches that {path[-1]} makes")
    for tall, wide in families.GRID_SIDE_FIELDS:
        for name, before, after in zip((tall, wide), old.grid or (), new.grid or (), strict=True):
            where = (*path[:-1], name)
            if name and where != path and number(look(config, where)) == before:
                yield FieldChange(file, where, before, after, "counts the patches of one side")


def _image_parts(file: Path, config: Mapping[str, object], before: Any, after: Any) -> Iterator[FieldChange]:
    """Yield images of several tiles, and the sizes in the parts with which open_clip and timm prepare images."""
    old, new = pair(before), pair(after)
    if old is None or new is None or old == new:
        return
    yield from tiled_changes((file, config), old, new)
    for part in companions.IMAGE_PARTS:
        for name in companions.IMAGE_PART_SIZES:
            value = look(config, (*part, name))
            grown = resized(value, old, new)
            if grown is not None:
                yield FieldChange(file, (*part, name), value, grown, "images are resized to the model's size")
