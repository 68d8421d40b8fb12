"""Constants of an ONNX graph that must follow a table: position numbers, masks, and lengths baked into nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError
from posembed.extension.buffer_rules import AttentionMask, BufferRule, PositionNumbers, TokenTypes
from posembed.extension.buffers import DependentBuffer
from posembed.extension.table_change import TableChange

if TYPE_CHECKING:
    from posembed.checkpoint.formats.onnx.file import OnnxFile

# In this order: numbers that count are no one type, and a mask is square.
_RULES: tuple[BufferRule, ...] = (PositionNumbers(), AttentionMask(), TokenTypes())
_MOST_NUMBERS = 1 << 24  # of a mask: 4,096 × 4,096
_IMAGE_AXES = len("bchw")
_MOST_SHAPE = 8  # numbers of a constant that may be a shape
# Nodes in which a single number of the old length is a limit or a shape.
_SHAPED = frozenset(
    {"Reshape", "Expand", "ConstantOfShape", "Range", "Tile", "Min", "Max", "Clip", "Less", "LessOrEqual"}
)
_SLICE, _SLICE_ENDS = "Slice", 2


def graph_buffers(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[DependentBuffer]:
    """Yield the constants that have a table's length and whose values say what they are."""
    for file in _graphs(checkpoint):
        here = [change for change in changes if change.table.file == file.path]
        for key, tensor in file.tensors.items():
            change = next((c for c in here if _lengths(c) & set(tensor.shape) and c.table.key != key), None)
            if change is None or int(np.prod(tensor.shape)) > _MOST_NUMBERS:
                continue
            rule = _rule(key, file, _lengths(change))
            if rule is not None:
                shape = rule.shape_for(key, tensor.shape, change.table.layout, change.layout)
                yield DependentBuffer(key, rule, change.table.key, tensor.shape, shape)


def graph_obstacles(
    checkpoint: Checkpoint, changes: Sequence[TableChange], buffers: Sequence[DependentBuffer]
) -> Iterator[str]:
    """Yield what of a graph keeps the old length and cannot be mended, with the name of its input or node."""
    mended = {buffer.key for buffer in buffers} | {change.table.key for change in changes}
    for file in _graphs(checkpoint):
        lengths = set().union(*(_lengths(c) for c in changes if c.table.file == file.path))
        yield from _fixed_lengths(file, [change for change in changes if change.table.file == file.path])
        names = {value.name for value in file.graph.input} - set(file.tensors)
        for value in file.graph.input:
            dims = value.type.tensor_type.shape.dim
            sides = [side.dim_value for side in dims]
            shape = ", ".join(str(side.dim_value or side.dim_param or "?") for side in dims)
            images = any(c.layout.grid is not None for c in changes) and len(sides) == _IMAGE_AXES and all(sides[-2:])
            if value.name in names and (images or (len(sides) != _IMAGE_AXES and lengths & set(sides))):
                yield (
                    f"the input {value.name} of {file.path.name} has the fixed shape [{shape}]: export the model again "
                    f"with {'dynamic height and width' if images else 'a dynamic sequence axis'}"
                )
        for node in file.graph.node:
            for place, name in enumerate(node.input):
                if name in file.tensors and name not in mended and _keeps(node.op_type, place, file, name, lengths):
                    yield (
                        f"the node {node.name or node.output[0]} ({node.op_type}) of {file.path.name} holds the old "
                        f"length in {name}: export the model again with dynamic axes"
                    )


def _fixed_lengths(file: OnnxFile, changes: Sequence[TableChange]) -> Iterator[str]:
    """Yield which sequence tables the graph reads at as many positions for every input, so that more are never read."""
    from posembed.find.onnx_graph import fixed_positions

    for change in changes:
        fixed = fixed_positions(file, change.table.key) if change.layout.grid is None else None
        if fixed is not None:
            yield (
                f"{file.path.name} reads {fixed} rows of {change.table.key} for every input: if they are positions of "
                "a text, export the model again with a dynamic sequence axis; if they are patches of an image, name "
                "the other tables with `tables`"
            )


def _graphs(checkpoint: Checkpoint) -> Iterator[OnnxFile]:
    if any(file.path.suffix.lower() == ".onnx" for file in checkpoint.others.values()):
        from posembed.checkpoint.formats.onnx.file import OnnxFile

        yield from (file for file in checkpoint.others.values() if isinstance(file, OnnxFile))


def _lengths(change: TableChange) -> set[int]:
    return {change.table.layout.rows, change.table.usable_length, change.table.layout.positions}


def _rule(key: str, file: OnnxFile, lengths: set[int]) -> BufferRule | None:
    """Return what a constant means by its values, or ``None`` if they say nothing."""
    values = file.read(key)
    if values.dtype.kind not in "iub" and not _is_mask(values):
        return None
    for rule in _RULES:
        if not rule.fits(values.shape) or rule.length(values.shape) not in lengths:
            continue
        try:
            rule.extend(key, values, values.shape, file.path)
        except CheckpointError:
            continue
        return rule
    return None


def _is_mask(values: Array) -> bool:
    return values.ndim > 1 and values.shape[-1] == values.shape[-2] and len(np.unique(values[..., :1, :])) <= len("01")


def _keeps(kind: str, place: int, file: OnnxFile, name: str, lengths: set[int]) -> bool:
    """Return whether an input of a node is the old length itself, or holds rows that were looked up before."""
    tensor = file.tensors[name]
    if kind in ("Add", "Sum") and len(tensor.shape) == len("bsd") and tensor.shape[-2] in lengths:
        return True
    if int(np.prod(tensor.shape)) > _MOST_SHAPE or tensor.dtype not in ("I64", "I32"):
        return False
    if kind not in _SHAPED and not (kind == _SLICE and place == _SLICE_ENDS):
        return False
    return bool(np.isin(file.read(name), sorted(lengths)).any())
