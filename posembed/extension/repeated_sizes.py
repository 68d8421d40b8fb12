"""Name the fields that hold the old size of a table, and that no law changes: they may have to follow it too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.json_object import read_json
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tree import read_tree
from posembed.errors import CheckpointError
from posembed.extension.config_fields import new_value
from posembed.extension.field_change import FieldChange, look, resized
from posembed.extension.table_change import TableChange
from posembed.find.config import number, pair
from posembed.find.families import companions
from posembed.find.found import FoundTable

MOST_NAMED = 12
"""More fields in one sentence are not read; the rest is counted."""
DEEPEST = 32
"""Settings nest a handful of levels; beyond these, a file is no settings, and Python's stack would end."""
LARGEST_FILE = 1 << 20
"""Settings are smaller than 1 MiB; files beyond it are tokenizers and data, which are not searched."""


@dataclass(frozen=True, slots=True)
class OldSize:
    """A number that a change makes stale (a pair for an image), and words in the names of fields that may hold it."""

    value: int | tuple[int, int]
    words: str

    def is_in(self, name: str, value: object) -> bool:
        """Return whether a field holds it under a name that speaks of such a size."""
        if not re.search(self.words, name) or re.search(companions.OTHER_NAME, name):
            return False
        if isinstance(self.value, int):
            return number(value) == self.value
        return resized(value, self.value, (0, 0)) is not None


def left_sizes(
    checkpoint: Checkpoint, changes: Sequence[TableChange], found: Iterable[FoundTable], fields: Sequence[FieldChange]
) -> Iterator[str]:
    """Yield one sentence with all fields of a checkpoint's JSON files that were left at an old size, if there are any.

    Args:
        checkpoint: a directory.
        changes: the tables that change.
        found: all of its tables; the fields that size the others are theirs.
        fields: the fields that change.
    """
    sizes = [size for change in changes for size in old_sizes(checkpoint, change)]
    changed = {(change.file, change.path) for change in fields}
    explained = {tuple(rule.name.split(".")) for table in found for rule in table.fields}
    left = [
        f"{file.relative_to(checkpoint.root)}: {'.'.join(path)} ({value})"
        for file, path, value in _all_fields(checkpoint)
        if (file, path) not in changed
        and not (file == checkpoint.config_file and path in explained)
        and not any((file, path[:end]) in changed for end in range(1, len(path)))
        and any(size.is_in(path[-1], value) for size in sizes)
    ]
    if left:
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        yield f"left at the old size, check whether they must change: {', '.join(left[:MOST_NAMED])}{more}"


def old_sizes(checkpoint: Checkpoint, change: TableChange) -> Iterator[OldSize]:
    """Yield the numbers that a change makes stale."""
    table, layout = change.table, change.layout
    for rule in table.fields:
        before = look(checkpoint.config, rule.name.split("."))
        after = new_value(rule, before, table, layout, change.pixels)
        if before == after:
            continue
        if rule.unit == "pixels":
            image = pair(before)
            if image is not None:
                yield OldSize(image, companions.PIXEL_NAME)
        elif number(before) is not None:
            yield OldSize(before, companions.PIXEL_NAME if rule.unit in ("bins", "frames") else companions.LENGTH_NAME)
    counts = {table.layout.positions, table.layout.rows, table.usable_length}
    words = companions.COUNT_NAME if layout.grid is not None else companions.LENGTH_NAME
    yield from (OldSize(count, words) for count in sorted(counts))


def _all_fields(checkpoint: Checkpoint) -> Iterator[tuple[Path, tuple[str, ...], object]]:
    """Yield every number, pair and object of edges in the JSON files of a checkpoint, with its path."""
    for file in read_tree(checkpoint.root).files:
        if file.suffix not in (".json", ".metadata") or re.search(companions.NO_SETTINGS, file.name):
            continue
        if any(part.startswith(".") for part in file.relative_to(checkpoint.root).parts):  # of git and of downloads
            continue
        if file.stat().st_size > LARGEST_FILE:
            continue
        try:
            settings = read_json(file)
        except CheckpointError:  # not settings: a list, or something that no law reads
            continue
        yield from ((file, path, value) for path, value in _leaves(settings, ()))


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and len(path) < DEEPEST:
        if path and ("shortest_edge" in value or "longest_edge" in value or "height" in value):
            yield path, value
            return
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    elif path and (number(value) is not None or isinstance(value, list)):
        yield path, value
