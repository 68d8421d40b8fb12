"""The outermost messages of an ONNX file, without the numbers of its weights.

Protocol buffers nest messages by their length, so the numbers of a large initializer can be passed over and copied
later: a model of 2 GB is opened by reading what is left of it, some hundred kilobytes.
https://protobuf.dev/programming-guides/encoding/; numbers of fields: ``onnx.proto`` of github.com/onnx/onnx.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.copying import read_into
from posembed.errors import CheckpointError

GRAPH = 7  # of ModelProto
INITIALIZER = 5  # of GraphProto
RAW_DATA = 9  # of TensorProto
LARGE = 1 << 16  # bytes; smaller initializers are read with the graph
_DELIMITED = 2
_FIXED = {1: 8, 5: 4}
_MOST_VARINT = 10


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, and where it and its content begin and end in the file."""

    number: int
    kind: int
    begin: int
    content: int
    end: int


def fields(descriptor: int, begin: int, end: int, path: Path) -> Iterator[Field]:
    """Yield the fields of the message between two places of a file.

    Raises:
        CheckpointError: for what is no message.
    """
    at = begin
    while at < end:
        start = at
        head = bytearray(min(2 * _MOST_VARINT, end - at))
        read_into(descriptor, memoryview(head), at)
        tag, used = varint(head, 0, path)
        number, kind = tag >> 3, tag & 7
        at += used
        if kind == _DELIMITED:
            length, more = varint(head, used, path)
            content = at + more
            at = content + length
        elif kind == 0:
            _, more = varint(head, used, path)
            content, at = at, at + more
        elif kind in _FIXED:
            content, at = at, at + _FIXED[kind]
        else:
            raise refuse_damaged(path)
        if number == 0 or at > end:
            raise refuse_damaged(path)
        yield Field(number, kind, start, content, at)


def varint(data: bytes | bytearray, at: int, path: Path) -> tuple[int, int]:
    """Return a number and how many bytes it takes."""
    value = 0
    for count in range(_MOST_VARINT):
        if at + count >= len(data):
            break
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, count + 1
    raise refuse_damaged(path)


def encoded(value: int) -> bytes:
    """Return a number as a varint.

    Example:
        >>> encoded(300).hex()
        'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def head_of(number: int, length: int) -> bytes:
    """Return what stands before the content of a field of some length."""
    return encoded(number << 3 | _DELIMITED) + encoded(length)


def refuse_damaged(path: Path) -> CheckpointError:
    """Return the error for a file that is no ONNX model."""
    return CheckpointError(f"{path}: is not an ONNX model, or a damaged one: download or export it again")
