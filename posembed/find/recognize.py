"""Infer the best reading of a tensor's rows from its name, its shape and the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, affinity, is_family, number
from posembed.find.explain import Grid, Length, explain_grid, explain_length
from posembed.find.fallbacks import read_timm_grid, read_unexplained, read_video
from posembed.find.families import weights
from posembed.find.found import FoundTable
from posembed.find.kinds import TableKind
from posembed.find.read_grid import read_grid, read_shown_grid, read_window
from posembed.find.read_sequence import read_counted, read_sequence
from posembed.find.stored_layout import RowShape


def recognize(
    tensor: StoredTensor, shape: RowShape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable:
    """Return what the rows of a tensor mean that is named like a position table."""
    key = tensor.key
    lengths = sorted(score_lengths(key, shape, tree), key=lambda scored: -scored[0])
    length = lengths[0][1] if lengths else None
    if re.search(families.AXIS, key) or shape.stored.holds_two_axes:
        return read_counted(tensor, shape, length, tree, TableKind.AXIS)
    special = read_window(tensor, shape, tree) or read_video(tensor, shape, tree)
    if special is not None:
        return special
    if re.search(families.TIME, key):
        return read_counted(tensor, shape, length, tree, TableKind.TIME)
    timm = read_timm_grid(tensor, shape, tree, tensors)
    if timm is not None:
        return timm
    grids = sorted(score_grids(key, shape, tree), key=lambda scored: -scored[0])
    if shape.grid is not None:
        return read_shown_grid(tensor, shape, tree, grids[0][1] if grids else None)
    if grids and (not lengths or grids[0][0] > lengths[0][0]):
        return read_grid(tensor, shape, grids[0][1], tensors)
    if length is not None:
        return read_sequence(tensor, shape, length, tree)
    return read_unexplained(tensor, shape, tree, tensors)


def score_grids(key: str, shape: RowShape, tree: list[Node]) -> Iterator[tuple[float, Grid]]:
    """Yield every grid that a configuration explains, with the weight of its evidence."""
    image, text = (re.search(word, key) is not None for word in (families.IMAGE_WORD, families.TEXT_WORD))
    for depth, node in enumerate(tree):
        for grid in explain_grid(node, shape.rows, weights.MOST_EXTRA + _suffix_rows(node)):
            score = weights.GRID + weights.EXTRA_ROW * min(grid.extra, weights.MOST_EXTRA_COUNTED)
            score = score + affinity(key, node) + weights.DEPTH * depth
            score += weights.FEW_EXTRA_ROWS * (grid.pixels is not None and grid.extra < 2)
            score += (
                weights.IMAGE_KEY * image
                + weights.IMAGE_SHAPE * (not shape.stored.is_matrix)
                + weights.NOT_IN_PIXELS * (grid.pixels is None)
            )
            score += weights.TEXT_KEY * (text and not image and shape.stored.is_matrix)
            yield score, grid


def score_lengths(key: str, shape: RowShape, tree: list[Node]) -> Iterator[tuple[float, Length]]:
    """Yield every length that a configuration explains, with the weight of its evidence."""
    image, text = (re.search(word, key) is not None for word in (families.IMAGE_WORD, families.TEXT_WORD))
    for depth, node in enumerate(tree):
        for length in explain_length(node, shape.rows):
            usual = length.name in families.LENGTH_FIELDS
            score = weights.LENGTH_FIELD if usual else weights.OTHER_LENGTH_FIELD
            score = score + weights.ROW_BEYOND_FIELD * length.more + affinity(key, node) + weights.DEPTH * depth
            score += (
                weights.IMAGE_KEY_AS_SEQUENCE * (image and not text)
                + weights.IMAGE_SHAPE_AS_SEQUENCE * shape.stored.is_batched_rows
            )
            yield score + _side_score(key, length.name), length


def _side_score(key: str, field: str) -> float:
    """Weigh the sides of an encoder-decoder that a key and a field name."""
    score = 0.0
    for here, there, other in (("encoder", "decoder", "target"), ("decoder", "encoder", "source")):
        if here in field:
            score += weights.SAME_SIDE * (here in key) + weights.OTHER_SIDE * (there in key and here not in key)
        score += weights.OTHER_SIDE * (other in field and here in key)
    return score


def _suffix_rows(node: Node) -> int:
    """Rows after the grid that a field of the node counts."""
    counted = (law.suffix for law in families.SUFFIXES if is_family(node.model_type, law.families))
    return sum(number(node.fields.get(name)) or 0 for name in counted if isinstance(name, str))
