"""One field of a JSON file before and after, and the forms in which files write an image's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posembed.find.config import number, pair

_ONE_EDGE = {"shortest_edge": min, "longest_edge": max}


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


def in_form(before: Any, height: int, width: int) -> Any:
    """Return a size in the form of the old one: a number, a pair, channels first, or an object.

    Example:
        >>> in_form(224, 336, 336), in_form([3, 224, 224], 336, 448), in_form({"height": 8, "width": 8}, 9, 7)
        (336, [3, 336, 448], {'height': 9, 'width': 7})
    """
    if isinstance(before, dict):
        return {**before, "height": height, "width": width}
    if isinstance(before, list):
        return [*before[:-2], height, width] if len(before) > 1 else [height]
    return height if height == width else [height, width]


def resized(value: object, old: tuple[int, int], new: tuple[int, int]) -> Any:
    """Return a field that holds an image's size with the new size in its place; ``None`` if it holds another size.

    Args:
        value: as the file has it: a number, a pair, both sides by name, or the shortest or longest edge.
        old: the image's size, ``(height, width)``.
        new: the image's new size.

    Example:
        >>> resized({"longest_edge": 1024}, (1024, 1024), (512, 512)), resized(224, (384, 384), (512, 512))
        ({'longest_edge': 512}, None)
    """
    if pair(value) == old:
        return in_form(value, *new)
    if isinstance(value, dict):
        edges = {name: edge(new) for name, edge in _ONE_EDGE.items() if number(value.get(name)) == edge(old)}
        return {**value, **edges} if edges else None
    return None
