"""Read the header of a GGUF file; every length in it is checked before it is used.

The package ``gguf`` reads headers too, but maps the whole file, makes several arrays of every metadata value, and
trusts what a file says of its lengths.
Format: magic, version, numbers of tensors and of metadata values, metadata, tensor descriptions, aligned data.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from posembed.checkpoint.copying import opened
from posembed.checkpoint.formats.gguf.types import ARRAY, SCALARS, STRING, TENSOR_TYPES
from posembed.checkpoint.partial import stream_of
from posembed.errors import CheckpointError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = "general.alignment"
_DEFAULT_ALIGNMENT = 32
_MOST_NUMBERS = 64  # of an array that is read; vocabularies are not
_MOST_DIMENSIONS = 4  # GGML_MAX_DIMS
_DEEPEST_ARRAY = 4
_MOST_NAME = 1 << 16  # bytes, the format's own limit
_MOST_ELEMENTS = 1 << 62

Value = int | float | bool | str | list[object] | None


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """One metadata value.

    Attributes:
        kind: its type's number.
        value: a number or text; short arrays as lists, and ``None`` for long ones.
        begin: where the bytes of key, type and value begin in the header.
        end: where they end.
    """

    kind: int
    value: Value
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor's description; ``begin`` counts from the start of the data."""

    shape: tuple[int, ...]
    kind: int
    begin: int
    nbytes: int


@dataclass(frozen=True)
class GgufHeader:
    """A checked header.

    Attributes:
        path: the file.
        version: of the format.
        metadata: values by key, in order.
        tensors: descriptions by name, in order.
        raw: the bytes of the whole header, up to the last description.
        alignment: bytes to whose multiples the data of each tensor is aligned.
        data_start: where the data begins.
        size: bytes of the file.
        modified_ns: when it was last changed.
    """

    path: Path
    version: int
    metadata: Mapping[str, MetadataEntry] = field(repr=False)
    tensors: Mapping[str, TensorInfo]
    raw: bytes = field(repr=False)
    alignment: int
    data_start: int
    size: int
    modified_ns: int


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check a header; no tensor is read.

    Raises:
        CheckpointError: if the file cannot be read, is cut off, or holds anything that cannot be right.
    """
    with opened(path) as descriptor, stream_of(descriptor, 1 << 20) as stream:
        facts = os.fstat(descriptor)
        try:
            return _read(path, _Reader(path, stream, facts.st_size), facts)
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}; check the disk") from error


class _Reader:
    """Takes numbers and texts from a file in order, and keeps their bytes."""

    def __init__(self, path: Path, stream: BinaryIO, size: int) -> None:
        self.path, self._stream, self._size = path, stream, size
        self.raw = bytearray()

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > self._size - len(self.raw):
            raise self.damaged("it is cut off, or says that a value is longer than the file")
        data = self._stream.read(count)
        if len(data) < count:
            raise self.damaged("it was cut off while it was read")
        self.raw += data
        return data

    def number(self, code: str) -> int:
        """Return the next number."""
        return int(struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0])

    def text(self, most: int | None = None) -> str:
        """Return the next text."""
        length = self.number("Q")
        if most is not None and length > most:
            raise self.damaged(f"a name of {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Value:
        """Return the next metadata value of a type."""
        if kind == STRING:
            return self.text()
        if kind in SCALARS:
            value: int | float = struct.unpack(f"<{SCALARS[kind]}", self.take(struct.calcsize(SCALARS[kind])))[0]
            return value
        if kind != ARRAY or depth > _DEEPEST_ARRAY:
            raise self.damaged(f"a metadata value has the type {kind}, which is none of GGUF's")
        inner, count = self.number("I"), self.number("Q")
        if inner in SCALARS:
            code = SCALARS[inner]
            data = self.take(count * struct.calcsize(code))
            return list(struct.unpack(f"<{count}{code}", data)) if count <= _MOST_NUMBERS else None
        if count * 8 > self._size:  # each element takes at least the eight bytes of a length
            raise self.damaged(f"an array of {count} elements")
        values = [self.value(inner, depth + 1) for _ in range(count)]
        return list(values) if count <= _MOST_NUMBERS else None

    def damaged(self, fault: str) -> CheckpointError:
        """Return the error for what cannot be right."""
        return CheckpointError(f"{self.path}: is not a complete GGUF file: {fault}; download or copy it again")


def _read(path: Path, reader: _Reader, facts: os.stat_result) -> GgufHeader:
    version = _version(path, reader)
    count, pairs = reader.number("Q"), reader.number("Q")
    metadata: dict[str, MetadataEntry] = {}
    for _ in range(pairs):
        begin = len(reader.raw)
        key, kind = reader.text(_MOST_NAME), reader.number("I")
        value = reader.value(kind)
        if key in metadata:
            raise reader.damaged(f"it has {key[:100]!r} twice")
        metadata[key] = MetadataEntry(kind, value, begin, len(reader.raw))
    tensors: dict[str, TensorInfo] = {}
    for _ in range(count):
        name = reader.text(_MOST_NAME)
        if name in tensors:
            raise reader.damaged(f"it has the tensor {name[:100]!r} twice")
        tensors[name] = _info(reader, name)
    entry = metadata.get(ALIGNMENT)
    alignment = entry.value if entry is not None else _DEFAULT_ALIGNMENT
    if not isinstance(alignment, int) or alignment < 1 or alignment % 8:
        raise reader.damaged(f"its alignment is {alignment!r}")
    start = -(-len(reader.raw) // alignment) * alignment
    _check_places(reader, tensors, facts.st_size - start, alignment)
    return GgufHeader(
        path, version, metadata, tensors, bytes(reader.raw), alignment, start, facts.st_size, facts.st_mtime_ns
    )


def _version(path: Path, reader: _Reader) -> int:
    magic = reader.take(4)
    if magic == b"vers":
        raise CheckpointError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` where you cloned it")
    if magic != MAGIC:
        raise CheckpointError(f"{path}: does not begin as a GGUF file: download it again, or convert it with llama.cpp")
    version = reader.number("I")
    if version in VERSIONS:
        return version
    if version & 0xFFFF == 0:
        raise CheckpointError(
            f"{path}: is a big-endian GGUF file: convert it with `gguf-convert-endian {path.name} little` first"
        )
    raise CheckpointError(
        f"{path}: GGUF version {version} is not supported, only {' and '.join(map(str, VERSIONS))}: convert the model "
        "again with a current llama.cpp"
    )


def _info(reader: _Reader, name: str) -> TensorInfo:
    sides = reader.number("I")
    if sides > _MOST_DIMENSIONS:
        raise reader.damaged(f"the tensor {name[:100]!r} has {sides} axes")
    shape = tuple(reversed([reader.number("Q") for _ in range(sides)]))  # the fastest axis comes first in the file
    kind, begin = reader.number("I"), reader.number("Q")
    known = TENSOR_TYPES.get(kind)
    if known is None:
        raise CheckpointError(
            f"{reader.path}: the tensor {name[:100]!r} has the type {kind}, which is unknown: convert the model again "
            "to F16 or Q8_0"
        )
    row, rows = (shape[-1], math.prod(shape[:-1])) if shape else (1, 1)
    if row % known.block or max(shape, default=0) > _MOST_ELEMENTS or row * rows > _MOST_ELEMENTS:
        raise reader.damaged(f"the tensor {name[:100]!r} of {known.name} has the shape {list(shape)}")
    return TensorInfo(shape, kind, begin, row // known.block * known.size * rows)


def _check_places(reader: _Reader, tensors: Mapping[str, TensorInfo], available: int, alignment: int) -> None:
    """Check that tensors are aligned, inside of the file, and do not overlap."""
    reached = 0
    for name, info in sorted(tensors.items(), key=lambda item: item[1].begin):
        if info.begin % alignment or info.begin < reached:
            raise reader.damaged(
                f"the tensor {name[:100]!r} lies at byte {info.begin} of the data, inside of another one"
            )
        reached = info.begin + info.nbytes
        if reached > available:
            raise reader.damaged(f"the tensor {name[:100]!r} ends {reached - available} bytes after the file")
