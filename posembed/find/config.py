"""Which part of a configuration governs a tensor, and which of its fields explain the tensor's rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from posembed.find import families

_SYNONYMS = {
    "vision": {"vision", "visual", "image", "img", "video", "vit", "v"},
    "text": {"text", "language", "lm", "llm", "bert", "decoder", "t"},
    "audio": {"audio", "speech", "encodec"},
}
_UMBRELLA = {"config", "cfg", "model", "tower"}


@dataclass(frozen=True, slots=True)
class Node:
    """A configuration or sub-configuration: its dotted path, its fields, and the type of model it describes."""

    path: tuple[str, ...]
    fields: dict[str, Any]
    model_type: str

    def dotted(self, name: str) -> str:
        """The full path of one of its fields."""
        return ".".join((*self.path, name))


def nodes(config: dict[str, Any]) -> list[Node]:
    """The configuration and all its sub-configurations, outermost first."""
    found: list[Node] = []

    def walk(fields: dict[str, Any], path: tuple[str, ...], inherited: str) -> None:
        kind = fields.get("model_type") or inherited
        if "pretrained_cfg" in fields and fields.get("architecture"):
            kind = f"timm/{fields['architecture']}"
        fields = {name: value for name, value in fields.items() if isinstance(name, str)}  # id2label counts by number
        found.append(Node(path, fields, str(kind)))
        if len(path) < 8:
            for name, value in fields.items():
                if isinstance(value, dict) and value:
                    walk(value, (*path, name), str(kind))

    walk(config, (), "")
    return found


def affinity(key: str, node: Node) -> int:
    """How well a node's name fits a key: +2 for each word in common, −3 for a contradiction of modality."""
    words = set(re.split(r"[._]", key.lower()))
    score = 0
    for component in node.path:
        for stem in set(component.lower().split("_")) - _UMBRELLA:
            same = _SYNONYMS.get(stem, {stem})
            score += 2 if words & same else -1
            others = {word for kind, known in _SYNONYMS.items() if kind != stem and stem in _SYNONYMS for word in known}
            if words & (others - same - {"decoder", "bert", "t", "v", "encoder"}):
                score -= 3
    return score


def is_family(model_type: str, patterns: tuple[str, ...]) -> bool:
    """Whether a model type matches one of some shell patterns."""
    return any(fnmatchcase(model_type, pattern) for pattern in patterns)


def number(value: Any) -> int | None:
    """An integer field's value; booleans and anything else are none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def pair(value: Any) -> tuple[int, int] | None:
    """``(height, width)`` from 224, [224, 224], [3, 224, 224] or {"height": 224, "width": 224}."""
    if isinstance(value, dict):
        value = [value.get("height"), value.get("width")]
    if isinstance(value, list | tuple) and value and all(number(n) is not None for n in value):
        return (int(value[-2]), int(value[-1])) if len(value) > 1 else (int(value[0]), int(value[0]))
    one = number(value)
    return None if one is None else (one, one)


@dataclass(frozen=True, slots=True)
class Length:
    """A field that explains a sequence table: ``rows = field + more``."""

    node: Node
    name: str
    more: int


def explain_length(node: Node, rows: int) -> Iterator[Length]:
    """The fields of a node that are ``rows``, ``rows − 2`` or ``rows − 1``."""
    for name in families.LENGTH_FIELDS:
        value = number(node.fields.get(name))
        if value is not None and value > 0 and rows - value in (0, 2):
            yield Length(node, name, rows - value)
    for name, field in node.fields.items():
        value = number(field)
        counts = name not in families.LENGTH_FIELDS and re.search(r"pos|len|ctx|context|max_", name)
        if value and counts and "token_id" not in name and rows - value in (0, 1, 2):
            yield Length(node, name, rows - value)


@dataclass(frozen=True, slots=True)
class Grid:
    """Fields that explain a grid: its height and width, and the rows that are left over."""

    node: Node
    height: int
    width: int
    extra: int
    names: tuple[str, ...]
    pixels: tuple[int, int] | None = None  # the patch's size, where the field counts pixels


def explain_grid(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    """The fields of a node that make a grid of ``rows``, give or take some extra rows."""
    for images in families.IMAGE_FIELDS:
        image = pair(node.fields.get(images))
        if image is None:
            continue
        for patches in families.PATCH_FIELDS:
            patch = pair(node.fields.get(patches))
            if patch is None or min(patch) < 1 or min(image) < min(patch):
                continue
            height, width = image[0] // patch[0], image[1] // patch[1]
            if 0 <= rows - height * width <= most_extra:
                yield Grid(node, height, width, rows - height * width, (images, patches), patch)
    yield from _spectrogram(node, rows, most_extra)
    yield from _pyramid(node, rows)
    for tall, wide in families.GRID_SIDE_FIELDS:
        both = [node.fields.get(tall), node.fields.get(wide)] if wide else node.fields.get(tall)
        side = pair(both)
        if side is not None and min(side) > 0 and side[0] * side[1] == rows:
            yield Grid(node, *side, 0, tuple(filter(None, (tall, wide))))
    for name in families.GRID_COUNT_FIELDS:
        count = number(node.fields.get(name))
        has_images = any(field in node.fields for field in (*families.IMAGE_FIELDS, *families.PATCH_FIELDS))
        if count is None or count < 1 or (name in families.LENGTH_FIELDS and not has_images):
            continue
        if 0 <= rows - count <= most_extra and math.isqrt(count) ** 2 == count:
            yield Grid(node, math.isqrt(count), math.isqrt(count), rows - count, (name,))
        if count * count == rows:
            yield Grid(node, count, count, 0, (name,))


def _spectrogram(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    bins, frames, patch, *strides = (number(node.fields.get(name)) for name in families.SPECTROGRAM_FIELDS)
    if not (bins and frames and patch and all(strides)):
        return
    height, width = ((size - patch) // (stride or 1) + 1 for size, stride in zip((bins, frames), strides, strict=True))
    if min(height, width) > 0 and 0 <= rows - height * width <= most_extra:
        yield Grid(node, height, width, rows - height * width, families.SPECTROGRAM_FIELDS)


def _pyramid(node: Node, rows: int) -> Iterator[Grid]:
    image, patches = (node.fields.get(name) for name in families.PYRAMID_FIELDS)
    side = pair(image)
    if side is None or not isinstance(patches, list) or not all(number(patch) for patch in patches):
        return
    total = 1
    for patch in patches:
        total *= patch
        height, width = side[0] // total, side[1] // total
        if height * width and rows - height * width in (0, 1):
            yield Grid(node, height, width, rows - height * width, ("image_size", "patch_sizes"), (total, total))
