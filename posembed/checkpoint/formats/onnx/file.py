"""Open an ONNX model: its graph without the numbers, its initializers by name, external data among them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from posembed.checkpoint.copying import opened, read_into
from posembed.checkpoint.formats.onnx import wire
from posembed.checkpoint.formats.safetensors.header import DTYPES
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError, InvalidArgumentError, require_package

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

# Numbers of TensorProto.DataType.
ARRAY_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype(np.bool_),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
    16: np.dtype(ml_dtypes.bfloat16),
}
_CODES = {array_type: code for code, (_, array_type) in DTYPES.items() if array_type is not None}
_MOST_GRAPH = 1 << 30  # bytes of a graph without its large initializers


@dataclass(frozen=True, slots=True)
class Span:
    """Where the numbers of an initializer lie."""

    file: Path
    begin: int
    size: int


@dataclass(frozen=True)
class OnnxFile:
    """An opened model.

    Attributes:
        path: the file.
        model: the graph; initializers whose numbers lie elsewhere have none.
        tensors: initializers and constants by name.
        spans: where the numbers lie that ``model`` does not hold.
        facts: size and time of the last change of every file that was read.
    """

    path: Path
    model: ModelProto = field(repr=False)
    tensors: Mapping[str, StoredTensor]
    spans: Mapping[str, Span] = field(repr=False)
    facts: Mapping[Path, tuple[int, int]] = field(repr=False)

    @property
    def graph(self) -> GraphProto:
        """The graph."""
        return self.model.graph

    @property
    def config(self) -> Mapping[str, object]:
        """Nothing: what a model is stands in the ``config.json`` beside it."""
        return {}

    @property
    def parts(self) -> tuple[Path, ...]:
        """The files of its external data."""
        return tuple(dict.fromkeys(span.file for span in self.spans.values() if span.file != self.path))

    def read(self, key: str) -> Array:
        """Return the values of an initializer or constant.

        Raises:
            CheckpointError: if they cannot be read, or a file changed since it was opened.
            InvalidArgumentError: if there is none of that name.
        """
        if key not in self.tensors:
            raise InvalidArgumentError(f"{self.path} has no initializer {key!r} among its {len(self.tensors)}")
        proto = constants(self.graph)[key]
        if key not in self.spans:
            from onnx import numpy_helper

            values: Array = np.asarray(numpy_helper.to_array(proto))
            return values
        span, array_type = self.spans[key], ARRAY_TYPES[proto.data_type]
        data = bytearray(span.size)
        with opened(span.file) as descriptor:
            self.require_unchanged(span.file, descriptor)
            try:
                read_into(descriptor, memoryview(data), span.begin)
            except OSError as error:
                raise CheckpointError(
                    f"{span.file}: cannot be read: {error.strerror or error}; check the disk"
                ) from error
        return np.frombuffer(data, array_type).reshape(tuple(proto.dims))

    def as_stored(self, key: str, values: Array) -> Array:  # noqa: ARG002 - every format is asked alike
        """Return the values as they are: nothing is rounded."""
        return values

    def require_unchanged(self, file: Path, descriptor: int) -> None:
        """Refuse a file that is no longer the one that was opened."""
        facts = os.fstat(descriptor)
        if (facts.st_size, facts.st_mtime_ns) != self.facts[file]:
            raise CheckpointError(f"{file} changed since it was opened: wait until nothing writes to it")


def open_onnx(path: Path) -> OnnxFile:
    """Open a model; only its graph is read.

    Raises:
        CheckpointError: if it is damaged, or its external data is missing or outside of its folder.
        MissingExtraError: without the package ``onnx``.
    """
    require_package("onnx", "onnx", f"reading {path.name}")
    with opened(path) as descriptor:
        facts = os.fstat(descriptor)
        if os.pread(descriptor, 8, 0) == b"version ":
            raise CheckpointError(f"{path} is a Git LFS pointer, not the model: run `git lfs pull` where you cloned it")
        try:
            skeleton, inside = _skeleton(descriptor, facts.st_size, path)
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}; check the disk") from error
    model = _parsed(skeleton, path)
    known = {path: (facts.st_size, facts.st_mtime_ns)}
    spans = {}
    tensors: dict[str, StoredTensor] = {}
    for at, proto in enumerate(model.graph.initializer):
        if at in inside:
            spans[proto.name] = Span(path, *inside[at])
        elif proto.data_location == proto.EXTERNAL:
            spans[proto.name] = _external(proto, path, known)
    for name, proto in constants(model.graph).items():
        array_type = ARRAY_TYPES.get(proto.data_type)
        if array_type is None or array_type not in _CODES:
            continue
        shape = tuple(proto.dims)
        if name in spans and spans[name].size != math.prod(shape) * array_type.itemsize:
            raise wire.refuse_damaged(path)
        tensors[name] = StoredTensor(name, shape, _CODES[array_type], path)
    if not tensors:
        raise CheckpointError(f"{path}: holds no weights")
    return OnnxFile(path, model, tensors, spans, known)


def constants(graph: GraphProto) -> dict[str, TensorProto]:
    """Return the initializers of a graph, and the values of its Constant nodes, by name."""
    found = {proto.name: proto for proto in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            for attribute in node.attribute:
                if attribute.name == "value":
                    found.setdefault(node.output[0], attribute.t)
    return found


def _skeleton(descriptor: int, size: int, path: Path) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """Return the model without the numbers of large initializers, and where those lie, by the initializers' places."""
    out = bytearray()
    inside: dict[int, tuple[int, int]] = {}
    for each in wire.fields(descriptor, 0, size, path):
        if each.number != wire.GRAPH or each.kind != 2:
            _append(out, descriptor, each.begin, each.end, path)
            continue
        graph, count = bytearray(), 0
        for part in wire.fields(descriptor, each.content, each.end, path):
            if part.number == wire.INITIALIZER and part.end - part.content > wire.LARGE:
                tensor = bytearray()
                for piece in wire.fields(descriptor, part.content, part.end, path):
                    if piece.number == wire.RAW_DATA and piece.end - piece.content > wire.LARGE // 2:
                        inside[count] = (piece.content, piece.end - piece.content)
                    else:
                        _append(tensor, descriptor, piece.begin, piece.end, path)
                graph += wire.head_of(wire.INITIALIZER, len(tensor)) + tensor
            else:
                _append(graph, descriptor, part.begin, part.end, path)
            count += part.number == wire.INITIALIZER
        out += wire.head_of(wire.GRAPH, len(graph)) + graph
    return bytes(out), inside


def _append(out: bytearray, descriptor: int, begin: int, end: int, path: Path) -> None:
    if len(out) + end - begin > _MOST_GRAPH:
        raise CheckpointError(f"{path}: its graph alone has more than {_MOST_GRAPH >> 20} MB, too many to be read")
    data = bytearray(end - begin)
    read_into(descriptor, memoryview(data), begin)
    out += data


def _parsed(skeleton: bytes, path: Path) -> ModelProto:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    model = ModelProto()
    try:
        model.ParseFromString(skeleton)
    except DecodeError as error:
        raise wire.refuse_damaged(path) from error
    if not model.HasField("graph"):
        raise wire.refuse_damaged(path)
    return model


def _external(proto: TensorProto, path: Path, known: dict[Path, tuple[int, int]]) -> Span:
    """Return where external data lies, inside of the model's folder."""
    said = {entry.key: entry.value for entry in proto.external_data}
    name = said.get("location", "")
    if not name or Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
        raise CheckpointError(f"{path}: names external data {name[:200]!r} outside of its folder: refused as unsafe")
    file = path.parent / name
    try:
        if file not in known:
            facts = file.stat()
            known[file] = (facts.st_size, facts.st_mtime_ns)
        begin = int(said.get("offset") or 0)
        size = int(said.get("length") or known[file][0] - begin)
    except OSError as error:
        raise CheckpointError(f"{path}: its external data {name} is not there: fetch the whole model") from error
    except ValueError as error:
        raise wire.refuse_damaged(path) from error
    if begin < 0 or size < 0 or begin + size > known[file][0]:
        raise CheckpointError(f"{file}: is shorter than {path.name} says: it is cut off; fetch it again")
    return Span(file, begin, size)
