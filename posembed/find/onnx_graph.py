"""Which initializers of an ONNX graph are position tables, whatever their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from posembed.checkpoint.formats.onnx.file import OnnxFile
from posembed.checkpoint.tensors import FLOATS, StoredTensor

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

# Inputs of the fused embedding operator of ONNX Runtime: ids, segments, words, positions, segments' rows.
_FUSED, _FUSED_WORDS, _FUSED_POSITIONS, _FUSED_SEGMENTS = "EmbedLayerNormalization", 2, 3, 4
# What stands between a lookup and the sum of the embeddings without changing a number.
_PASSES = frozenset({"Cast", "Identity", "Unsqueeze", "Squeeze", "Reshape", "Transpose", "Expand", "Slice", "Dropout"})
_LONGEST_PATH = 6  # nodes between a lookup and its sum
_LONGEST_COUNT = 16  # nodes between position numbers and the lookup
_IDS = ("input_ids", "ids", "tokens", "input")
KNOWN_POSITIONS = "position_embeddings.weight"
KNOWN_SEGMENTS = "token_type_embeddings.weight"


def graph_names(file: OnnxFile) -> dict[str, str]:
    """Return the names by which the laws know the tables of an embedding sum, by the names that they have.

    Only tables whose own name says nothing are named. Those of one width are looked up and summed: the one that the
    token ids select has the words, one that counted numbers select has the positions, any other the segments.
    """
    known: dict[str, str] = {}
    for node in file.graph.node:
        if node.op_type == _FUSED and len(node.input) > _FUSED_SEGMENTS:
            known[node.input[_FUSED_POSITIONS]] = KNOWN_POSITIONS
            if node.input[_FUSED_SEGMENTS]:
                known[node.input[_FUSED_SEGMENTS]] = KNOWN_SEGMENTS
    if known:
        return known
    lookups = list(_lookups(file.graph, file.tensors))
    makers = {output: node for node in file.graph.node for output in node.output}
    consumers: dict[str, list[NodeProto]] = {}
    for node in file.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    words = [node for node in lookups if _from_ids(node.input[1], makers, file.graph)]
    for word in words:
        width = file.tensors[word.input[0]].shape[-1]
        sums = set(_sums(word.output[0], consumers))
        for other in lookups:
            same = file.tensors[other.input[0]].shape[-1] == width and other.input[0] != word.input[0]
            if not same or not sums & set(_sums(other.output[0], consumers)):
                continue
            counted = first_row(file, other.input[0]) is not None or _is_position_input(other, makers, file.graph)
            known[other.input[0]] = KNOWN_POSITIONS if counted else KNOWN_SEGMENTS
    return known


def _lookups(graph: GraphProto, tensors: Mapping[str, StoredTensor]) -> Iterator[NodeProto]:
    """Yield the nodes that select rows of a matrix of floating-point numbers."""
    for node in graph.node:
        tensor = tensors.get(node.input[0]) if node.op_type == "Gather" and node.input else None
        if tensor is not None and len(tensor.shape) == 2 and tensor.dtype in FLOATS:
            yield node


def _from_ids(name: str, makers: Mapping[str, NodeProto], graph: GraphProto) -> bool:
    """Return whether a lookup's numbers are the token ids: an input of that name, passed on unchanged."""
    source = _source(name, makers)
    return source in {value.name for value in graph.input} and source.rpartition(".")[2] in _IDS


def _is_position_input(node: NodeProto, makers: Mapping[str, NodeProto], graph: GraphProto) -> bool:
    """Return whether a lookup's numbers are an input that is named after positions."""
    source = _source(node.input[1], makers)
    return source in {value.name for value in graph.input} and re.search(r"(?:^|[._/])pos", source) is not None


def _source(name: str, makers: Mapping[str, NodeProto]) -> str:
    for _ in range(_LONGEST_PATH):
        node = makers.get(name)
        if node is None or node.op_type not in _PASSES or not node.input:
            return name
        name = node.input[0]
    return name


def _sums(name: str, consumers: Mapping[str, list[NodeProto]]) -> Iterator[str]:
    """Yield the outputs of the sums that a value enters, sums of sums among them."""
    waiting = [(name, 0)]
    while waiting:
        value, depth = waiting.pop()
        for node in consumers.get(value, ()):
            if depth < _LONGEST_PATH and (node.op_type in _PASSES or node.op_type in ("Add", "Sum")):
                if node.op_type in ("Add", "Sum"):
                    yield node.output[0]
                waiting.append((node.output[0], depth + 1))


def first_row(file: OnnxFile, key: str) -> int | None:
    """Return the row that the first token reads, as the graph counts positions; ``None`` if that cannot be told.

    Position numbers are constants, a ``Range`` or a ``CumSum`` of the mask, whose first number is 1 (RoBERTa, OPT);
    what is added on the way counts as well.
    """
    makers = {output: node for node in file.graph.node for output in node.output}
    node = next((node for node in file.graph.node if node.op_type == "Gather" and node.input[0] == key), None)
    if node is None:
        return None
    name, first = node.input[1], 0
    for _ in range(_LONGEST_COUNT):
        if name in file.tensors:
            values = file.read(name)
            counts = values.size > 1 and values.dtype.kind in "iu" and int(values.flat[1]) == int(values.flat[0]) + 1
            return first + int(values.flat[0]) if counts else None
        made = makers.get(name)
        if made is None or not made.input:
            return None
        if made.op_type == "CumSum":
            return first + 1
        if made.op_type == "Range":
            start = file.read(made.input[0]) if made.input[0] in file.tensors else None
            return None if start is None else first + int(start)
        steps = [each for each in made.input[1:] if each in file.tensors and file.tensors[each].shape in ((), (1,))]
        if made.op_type in ("Add", "Sub") and steps:
            first += int(file.read(steps[0]).flat[0]) * (1 if made.op_type == "Add" else -1)
        elif made.op_type not in (*_PASSES, "Add", "Mul", "Where", "Gather", "Concat"):
            return None
        name = made.input[0]
    return None


def fixed_positions(file: OnnxFile, key: str) -> int | None:
    """Return how many rows of a table the graph reads whatever the length of its input; ``None`` if that depends on it.

    That is so for the patches of an image, and for texts where a model was exported with a fixed length: the position
    numbers are then a constant, of which nothing is cut off at run time.
    """
    makers = {output: node for node in file.graph.node for output in node.output}
    node = next((node for node in file.graph.node if node.op_type == "Gather" and node.input[0] == key), None)
    name = "" if node is None else node.input[1]
    for _ in range(_LONGEST_PATH):
        if name in file.tensors:
            return int(np.prod(file.tensors[name].shape))
        made = makers.get(name)
        if made is None or made.op_type not in _PASSES or not made.input:
            return None
        if made.op_type == "Slice" and not all(each in file.tensors for each in made.input[1:] if each):
            return None
        name = made.input[0]
    return None
