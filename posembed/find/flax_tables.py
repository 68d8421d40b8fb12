"""Position tables of Google's original ViT checkpoints, whose names and layout only JAX models have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from posembed.checkpoint.tensors import StoredTensor
from posembed.find.config import nodes
from posembed.find.families import flax
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import RowShape, read_shape
from posembed.find.verdict import Reading, found_table, look_alike, named
from posembed.layout import TableLayout


def read_flax(tensor: StoredTensor, tensors: Mapping[str, StoredTensor]) -> FoundTable | None:
    """Return the table that a tensor is by its JAX name; ``None`` for any other name.

    Args:
        tensor: its key, ``/`` between the names of modules.
        tensors: those beside it: a class token takes the first row, the patches' kernel has their size.
    """
    match = re.search(flax.FLAX_TABLE, tensor.key)
    shape = read_shape(tensor.shape)
    root = tensor.key[: match.start() + 1] if match is not None and match.start() else ""
    beside = flax.FLAX_KERNEL in _names(root, tensors) or flax.FLAX_CLASS_TOKEN in _names(root, tensors)
    text = re.search(flax.FLAX_TEXT, tensor.key) is not None
    # Only with what belongs to a ViT beside it: other models, which follow the general laws, may use the name as well.
    if match is None or shape is None or not (beside or text):
        return None
    if re.search(flax.FLAX_OPTIMIZER, tensor.key):
        return look_alike(tensor, nodes({}), "the state of an optimizer, of a table's shape", flax.FLAX_FAMILY)
    if text:
        evidence = [named(tensor.key), "the text tower of an image-text model: one row per token"]
        layout = TableLayout(length=shape.rows)
        return found_table(tensor, shape, Reading(flax.FLAX_FAMILY, TableKind.SEQUENCE, layout, evidence))
    return _grid(tensor, shape, root, tensors)


def _grid(tensor: StoredTensor, shape: RowShape, root: str, tensors: Mapping[str, StoredTensor]) -> FoundTable:
    prefix = int(root + flax.FLAX_CLASS_TOKEN in tensors)
    side = math.isqrt(shape.rows - prefix)
    kernel = tensors.get(root + flax.FLAX_KERNEL)
    evidence = [
        named(tensor.key),
        f"rows {shape.rows} = {side} × {side} + {prefix}: the code takes a square of patches",
    ]
    if prefix:
        evidence.append(f"prefix 1: {root + flax.FLAX_CLASS_TOKEN} stands before the patches")
    fields: tuple[FieldRule, ...] = ()
    stem = any(re.search(flax.FLAX_STEM, key) for key in tensors)
    if kernel is not None and len(kernel.shape) == 4 and not stem:
        patch = (kernel.shape[0], kernel.shape[1])
        evidence.append(f"patches of {patch[0]} × {patch[1]} pixels: {kernel.key}")
        fields = (FieldRule("image_size", "pixels", patch, square=True),)
    square = side * side == shape.rows - prefix
    layout = TableLayout(grid=(side, side), prefix=prefix) if square else TableLayout(length=shape.rows)
    kind = TableKind.GRID if square else TableKind.SEQUENCE
    reading = Reading(flax.FLAX_FAMILY, kind, layout, evidence, uncertain=not square, fields=fields if square else ())
    return found_table(tensor, shape, reading)


def _names(root: str, tensors: Mapping[str, StoredTensor]) -> set[str]:
    """Return those of the two names beside a table that are there."""
    return {name for name in (flax.FLAX_KERNEL, flax.FLAX_CLASS_TOKEN) if root + name in tensors}
