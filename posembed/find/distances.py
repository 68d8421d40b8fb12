"""Which configuration field sizes a table of distances, which must fit the position tables that share the field."""

from __future__ import annotations

import re
from collections.abc import Iterator

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, affinity, number, pair
from posembed.find.families.switches import DISTANCES, GRID_DISTANCES
from posembed.find.found import FieldRule


def distance_fields(tensor: StoredTensor, tree: list[Node]) -> tuple[FieldRule, ...]:
    """Return the field that sizes a table of distances between positions or patches, as one rule or none.

    Between n positions lie 2n − 1 distances, and between the patches of an h × w grid (2h − 1)(2w − 1), to which BEiT
    adds three for the class token. DeBERTa's 2n rows keep their number (``PINNED``).
    """
    key = tensor.key
    if len(tensor.shape) != 2 or not (is_distances(key) or re.search(GRID_DISTANCES, key)):
        return ()
    fits = [
        (affinity(key, node), node.dotted(name))
        for node in tree
        for name, count in (_of_lengths(node) if is_distances(key) else _of_grids(node))
        if count == tensor.shape[0]
    ]
    return (FieldRule(max(fits, key=lambda fit: fit[0])[1], "distances"),) if fits else ()


def is_distances(key: str) -> bool:
    """Return whether a key is that of the tables that ``relative_key`` adds to each layer."""
    return re.search(DISTANCES, key) is not None


def _of_lengths(node: Node) -> Iterator[tuple[str, int]]:
    """Yield the fields that count positions, each with its number of distances."""
    for name in families.LENGTH_FIELDS:
        length = number(node.fields.get(name))
        if length is not None:
            yield name, 2 * length - 1


def _of_grids(node: Node) -> Iterator[tuple[str, int]]:
    """Yield the fields that hold an image's size, each with the numbers of distances between its patches."""
    for images in families.IMAGE_FIELDS:
        image = pair(node.fields.get(images))
        for patches in families.PATCH_FIELDS:
            patch = pair(node.fields.get(patches))
            if image is not None and patch is not None and min(patch) > 0:
                down, across = (2 * (size // side) - 1 for size, side in zip(image, patch, strict=True))
                yield images, down * across
                yield images, down * across + 3
