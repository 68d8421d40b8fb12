"""Configuration fields that explain a number of rows, as a length or as a grid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from posembed.find import families
from posembed.find.config import Node, number, pair
from posembed.find.families import weights


@dataclass(frozen=True, slots=True)
class Length:
    """A field that explains a sequence table: ``rows = field + more``."""

    node: Node
    name: str
    more: int


def explain_length(node: Node, rows: int) -> Iterator[Length]:
    """Yield the fields of a node that are the rows, or the rows without one or two; the usual fields first."""
    for name in families.LENGTH_FIELDS:
        value = number(node.fields.get(name))
        if value is not None and value > 0 and rows - value in weights.ROWS_BEYOND_LENGTH_FIELD:
            yield Length(node, name, rows - value)
    for name, field in node.fields.items():
        value = number(field)
        counts = name not in families.LENGTH_FIELDS and re.search(families.LENGTH_WORD, name)
        if value and counts and "token_id" not in name and rows - value in weights.ROWS_BEYOND_OTHER_FIELD:
            yield Length(node, name, rows - value)


@dataclass(frozen=True, slots=True)
class Grid:
    """Fields that explain a grid: its height and width, and the rows that are left over."""

    node: Node
    height: int
    width: int
    extra: int
    names: tuple[str, ...]
    pixels: tuple[int, int] | None = None  # size of a patch, if the field counts pixels


def explain_grid(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    """Yield the fields of a node that make a grid of ``rows`` rows, or of up to ``most_extra`` fewer."""
    yield from _pixels(node, rows, most_extra)
    yield from _spectrogram(node, rows, most_extra)
    yield from _pyramid(node, rows)
    yield from _sides(node, rows)
    yield from _counts(node, rows, most_extra)


def _pixels(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    """An image and a patch in pixels."""
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


def _spectrogram(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    """Mel bins and frames, cut into overlapping patches."""
    bins, frames, patch, *strides = (number(node.fields.get(name)) for name in families.SPECTROGRAM_FIELDS)
    if not (bins and frames and patch and all(strides)):
        return
    height, width = ((size - patch) // (stride or 1) + 1 for size, stride in zip((bins, frames), strides, strict=True))
    if min(height, width) > 0 and 0 <= rows - height * width <= most_extra:
        yield Grid(node, height, width, rows - height * width, families.SPECTROGRAM_FIELDS)


def _pyramid(node: Node, rows: int) -> Iterator[Grid]:
    """An image divided by the patches of all stages so far; the last stage has a class token."""
    image, patches = (node.fields.get(name) for name in families.PYRAMID_FIELDS)
    side = pair(image)
    if side is None or not isinstance(patches, list) or not all(number(patch) for patch in patches):
        return
    total = 1
    for patch in patches:
        total *= patch
        height, width = side[0] // total, side[1] // total
        if height * width and rows - height * width in (0, 1):
            yield Grid(node, height, width, rows - height * width, families.PYRAMID_FIELDS, (total, total))


def _sides(node: Node, rows: int) -> Iterator[Grid]:
    """Both sides counted in patches."""
    for tall, wide in families.GRID_SIDE_FIELDS:
        both = [node.fields.get(tall), node.fields.get(wide)] if wide else node.fields.get(tall)
        side = pair(both)
        if side is not None and min(side) > 0 and side[0] * side[1] == rows:
            yield Grid(node, *side, 0, tuple(filter(None, (tall, wide))))


def _counts(node: Node, rows: int, most_extra: int) -> Iterator[Grid]:
    """One number, of all patches or of those along one side of a square."""
    has_images = any(field in node.fields for field in (*families.IMAGE_FIELDS, *families.PATCH_FIELDS))
    for name in families.GRID_COUNT_FIELDS:
        count = number(node.fields.get(name))
        if count is None or count < 1 or (name in families.LENGTH_FIELDS and not has_images):
            continue
        if 0 <= rows - count <= most_extra and math.isqrt(count) ** 2 == count:
            yield Grid(node, math.isqrt(count), math.isqrt(count), rows - count, (name,))
        if count * count == rows:
            yield Grid(node, count, count, 0, (name,))
