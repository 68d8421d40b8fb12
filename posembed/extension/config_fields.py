"""Fields of configuration, tokenizer and image-processor files that must change with a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posembed.checkpoint.json_object import read_json
from posembed.find import families
from posembed.find.config import is_family, nodes, number, pair
from posembed.find.found import FieldRule, FoundTable
from posembed.find.token_limits import existing, token_limits
from posembed.layout import TableLayout


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a JSON file, before and after.

    ``path`` leads to the field: names of objects, positions in lists.
    """

    file: Path
    path: tuple[str | int, ...]
    before: Any
    after: Any
    why: str

    @property
    def name(self) -> str:
        """Dotted path of the field."""
        return ".".join(map(str, self.path))


def config_changes(
    file: Path, config: Mapping[str, object], table: FoundTable, new: TableLayout
) -> Iterator[FieldChange]:
    """Yield the fields of ``config.json`` that must change for a table's new layout."""
    for rule in table.fields:
        path = tuple(rule.name.split("."))
        before = look(config, path)
        after = _value(rule, before, table, new)
        for where in _twins(config, path):
            old = look(config, where)
            if old == before and old != after:
                yield FieldChange(file, where, old, after, f"explains the rows of {table.key}")
        for shared in families.SHARED_SIZES:
            if rule.name in shared.fields and is_family(str(config.get("model_type")), shared.families):
                for name in shared.fields:
                    where = tuple(name.split("."))
                    if where != path and look(config, where) == before:
                        yield FieldChange(file, where, before, after, f"must equal {rule.name}")
        if rule.name == families.TIMM_SIZES[1] and not re.search(families.TIMM_FIXED, table.family):
            own = tuple(families.TIMM_SIZES[0].split("."))
            size = list(pair(after) or ())
            yield FieldChange(file, own, look(config, own), size, "timm builds the model for it")
        if table.layout.grid is not None:
            yield from _grid_counts(file, config, path, table.layout, new)
            yield from _image_tokens(file, config, table.layout, new)
        if rule.unit == "rows":
            parent = path[:-1]
            for alias in families.LENGTH_ALIASES:
                where = (*parent, alias)
                if where != path and look(config, where) == before:
                    yield FieldChange(file, where, before, after, f"another name of {path[-1]}")


def _grid_counts(
    file: Path, config: Mapping[str, object], path: tuple[str, ...], old: TableLayout, new: TableLayout
) -> Iterator[FieldChange]:
    """Yield the fields beside the one that sizes a grid which count its patches or rows as well."""
    for name in families.GRID_COUNT_FIELDS:
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


def _image_tokens(
    file: Path, settings: Mapping[str, object], old: TableLayout, new: TableLayout
) -> Iterator[FieldChange]:
    """Yield the counts of an image's tokens, wherever a configuration or a processor repeats them."""
    for node in nodes(settings):
        for name in families.IMAGE_TOKEN_FIELDS:
            if number(node.fields.get(name)) == old.positions:
                yield FieldChange(file, (*node.path, name), old.positions, new.positions, "counts an image's tokens")


def _twins(config: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the field itself and its copy in ``text_config_dict`` and the like, which old CLIP files read after it."""
    yield path
    for place in range(len(path) - 1):
        twin = (*path[:place], f"{path[place]}_dict", *path[place + 1 :])
        if look(config, twin) is not None:
            yield twin


def _value(rule: FieldRule, before: Any, table: FoundTable, new: TableLayout) -> Any:
    if rule.unit == "rows":
        return new.rows - rule.amount[0]
    assert new.grid is not None
    if rule.unit == "count":
        return new.grid[0] * new.grid[1]
    height, width = new.grid
    if rule.unit in ("bins", "frames"):
        return ((height if rule.unit == "bins" else width) - 1) * rule.amount[1] + rule.amount[0]
    if rule.unit == "pixels":
        height, width = height * rule.amount[0], width * rule.amount[1]
    if len(table.fields) == 2 and rule.unit == "side":  # one field a side
        return height if rule is table.fields[0] else width
    return _like(before, height, width)


def _like(before: Any, height: int, width: int) -> Any:
    """Return a size in the form of the old one: a number, a pair, channels first, or an object."""
    if isinstance(before, dict):
        return {**before, "height": height, "width": width}
    if isinstance(before, list):
        return [*before[:-2], height, width] if len(before) > 1 else [height]
    return height if height == width else [height, width]


def look(config: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path of names and list positions, or ``None``.

    Example:
        >>> look({"a": [{"b": 3}]}, ("a", 0, "b")), look({"a": 1}, ("a", "b"))
        (3, None)
    """
    for name in path:
        try:
            config = config[name]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def token_changes(directory: Path, root: Path, old: int, new: int, old_field: int | None) -> Iterator[FieldChange]:
    """Yield the limits on tokens in the files of tokenizer, sentence-transformers and generation that must change.

    Args:
        directory: the Transformers directory.
        root: the checkpoint's root, for sentence-transformers.
        old: the usable length, before.
        new: the usable length, afterwards.
        old_field: the configuration field's value before, which some files repeat.
    """
    for found in token_limits(directory, root):
        if found.limit < new if new > old else found.limit > new:
            yield FieldChange(found.file, found.path, found.limit, new, found.why)
    for name in ("generation_config.json", "config.json"):  # the second in checkpoints of before 2023
        for file in existing(directory / name):
            limit = number(read_json(file).get("max_length"))
            if limit is not None and limit in (old, old_field):
                yield FieldChange(file, ("max_length",), limit, new, "generation stopped at the old length")


def image_changes(
    directory: Path, old: tuple[int, int], new: tuple[int, int], table: TableLayout, grown: TableLayout
) -> Iterator[FieldChange]:
    """Yield the sizes in the image processor's files that must change.

    Args:
        directory: the Transformers directory.
        old: the image in pixels, ``(height, width)``, before.
        new: the image in pixels, afterwards.
        table: the table's layout, before.
        grown: the table's layout, afterwards.
    """
    for name in ("preprocessor_config.json", "processor_config.json"):
        for file in existing(directory / name):
            settings = read_json(file)
            yield from _image_tokens(file, settings, table, grown)
            places: list[tuple[str, ...]] = [(), ("image_processor",), ("feature_extractor",)]
            for place in places:
                part = look(settings, place)
                if isinstance(part, dict):
                    yield from _image_part(file, place, part, old, new)


def _image_part(
    file: Path, place: tuple[str, ...], part: Mapping[str, object], old: tuple[int, int], new: tuple[int, int]
) -> Iterator[FieldChange]:
    crop = part.get("crop_size")
    if pair(crop) == old:
        yield FieldChange(
            file, (*place, "crop_size"), crop, _like(crop, *new), "images are cropped to the model's size"
        )
    size = part.get("size")
    why = "images are resized to the model's size"
    if isinstance(size, dict) and number(size.get("shortest_edge")) is not None:
        edge = int(size["shortest_edge"])
        if edge == min(old) or (pair(crop) == old and edge > min(old)):
            after = {**size, "shortest_edge": round(edge * min(new) / min(old))}
            yield FieldChange(file, (*place, "size"), size, after, why)
    elif pair(size) == old:
        yield FieldChange(file, (*place, "size"), size, _like(size, *new), why)


def apply_changes(settings: Any, changes: list[FieldChange]) -> Any:
    """Return the JSON value with some fields changed in place; every other field and the order are unchanged."""
    for change in changes:
        place = settings
        for name in change.path[:-1]:
            if isinstance(place, dict) and name not in place:
                place[name] = {}
            place = place[name]
        place[change.path[-1]] = change.after
    return settings
