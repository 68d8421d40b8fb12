"""Read the header of a safetensors file; every number in it is checked before it is used.

Format: 8 bytes of little-endian header length, that many bytes of JSON, then the tensors' bytes without holes.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import os
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from posembed.checkpoint.copying import opened, read_at, read_into
from posembed.checkpoint.json_object import memory_of
from posembed.errors import CheckpointError

HEADER_LIMIT = 100_000_000  # bytes, the format's own cap
# A tensor takes about 110 bytes of the header and 900 of memory: 60,000 are free, and each further one for a kilobyte
# of the file. A header is held three times while it is read.
FREE_HEADER, FILE_BYTES_PER_BYTE = 16 << 20, 64
FREE_MEMORY, FILE_BYTES_PER_MEMORY = 32 << 20, 2
_MAX_DIMENSIONS = 32  # NumPy 1's; nothing published has more than 6
_MAX_BITS = (1 << 63) - 1

# Bits of one element, and the array type that holds it (None: packed below a byte, copied but not read).
DTYPES: dict[str, tuple[int, np.dtype[Any] | None]] = {
    "BOOL": (8, np.dtype(np.bool_)),
    "F4": (4, None),
    "F6_E2M3": (6, None),
    "F6_E3M2": (6, None),
    "U8": (8, np.dtype("u1")),
    "I8": (8, np.dtype("i1")),
    "F8_E5M2": (8, np.dtype(ml_dtypes.float8_e5m2)),
    "F8_E4M3": (8, np.dtype(ml_dtypes.float8_e4m3fn)),
    "F8_E5M2FNUZ": (8, np.dtype(ml_dtypes.float8_e5m2fnuz)),
    "F8_E4M3FNUZ": (8, np.dtype(ml_dtypes.float8_e4m3fnuz)),
    "F8_E8M0": (8, np.dtype(ml_dtypes.float8_e8m0fnu) if hasattr(ml_dtypes, "float8_e8m0fnu") else None),
    "I16": (16, np.dtype("<i2")),
    "U16": (16, np.dtype("<u2")),
    "F16": (16, np.dtype("<f2")),
    "BF16": (16, np.dtype(ml_dtypes.bfloat16)),
    "I32": (32, np.dtype("<i4")),
    "U32": (32, np.dtype("<u4")),
    "F32": (32, np.dtype("<f4")),
    "C64": (64, np.dtype("<c8")),
    "F64": (64, np.dtype("<f8")),
    "I64": (64, np.dtype("<i8")),
    "U64": (64, np.dtype("<u8")),
}

_SHORT = reprlib.Repr()  # a hostile name or shape may be a hundred megabytes long
_SHORT.maxstring = _SHORT.maxother = 120


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor in a header; ``begin`` and ``end`` count from the start of the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def nbytes(self) -> int:
        """Size of the tensor in the file, in bytes."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header: names, shapes and places of all tensors of one file.

    Attributes:
        path: the file.
        tensors: every tensor by key, in the order of the header.
        metadata: the header's free text.
        data_start: where the tensors' bytes begin in the file.
        file_size: bytes of the whole file.
        modified_ns: the file's modification time when it was read, to detect later changes.
    """

    path: Path
    tensors: Mapping[str, TensorEntry]
    metadata: dict[str, str]
    data_start: int
    file_size: int
    modified_ns: int = field(compare=False)


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file; the tensors' bytes are not read.

    Raises:
        CheckpointError: if the file cannot be read, is cut off, or holds anything that cannot be right.
    """
    path = Path(path)
    with opened(path) as descriptor:
        facts = os.fstat(descriptor)
        try:
            raw = _read_raw(descriptor, facts.st_size, path)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror}): check the disk") from error
    content = _parse(raw, path)
    metadata = _metadata(content.pop("__metadata__", None), path)
    data_start = 8 + len(raw)
    tensors = {key: _entry(key, value, path) for key, value in content.items()}
    _check_places(tensors, facts.st_size - data_start, path)
    return Header(path, tensors, metadata, data_start, facts.st_size, facts.st_mtime_ns)


def _read_raw(descriptor: int, size: int, path: Path) -> bytes:
    start = read_at(descriptor, 8, 0)
    if len(start) < 8:
        raise CheckpointError(
            _damaged(path, f"it has {size} bytes, fewer than the 8 with which any safetensors file begins")
        )
    if start == b"version ":
        raise CheckpointError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` where you cloned it")
    length = int.from_bytes(start, "little")
    if length > HEADER_LIMIT or length > size - 8:
        most = min(HEADER_LIMIT, size - 8)
        raise CheckpointError(
            f"{path} says that its header has {length} bytes, but at most {most} are possible (file: {size} bytes): "
            "it is cut off or not a safetensors file; download or copy it again"
        )
    if length > FREE_HEADER + size // FILE_BYTES_PER_BYTE:
        raise CheckpointError(_damaged(path, f"its header of {length} bytes is out of proportion to {size} bytes"))
    raw = bytearray(length)
    read_into(descriptor, memoryview(raw), 8)
    if memory_of(raw) > FREE_MEMORY + size // FILE_BYTES_PER_MEMORY:
        raise CheckpointError(_damaged(path, f"its header describes more than a file of {size} bytes can hold"))
    return bytes(raw)


def _parse(raw: bytes, path: Path) -> dict[str, object]:
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_once(path), parse_int=_whole, parse_constant=float)
    except UnicodeDecodeError as error:
        raise CheckpointError(_damaged(path, f"its header is not UTF-8 (byte {error.start})")) from error
    except json.JSONDecodeError as error:
        raise CheckpointError(_damaged(path, f"its header is not JSON ({error.msg}, character {error.pos})")) from error
    except RecursionError as error:
        raise CheckpointError(_damaged(path, "its header's JSON is nested too deeply")) from error
    if not isinstance(content, dict):
        raise CheckpointError(_damaged(path, f"its header is a JSON {type(content).__name__}, not an object"))
    return content


def _once(path: Path) -> Callable[[list[tuple[str, object]]], dict[str, object]]:
    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise CheckpointError(_damaged(path, f"its header has {_SHORT.repr(twice)} twice"))
        return found

    return build


def _whole(text: str) -> int | float:
    """Parse a number; huge ones and -0 become floats, which are then refused where an integer must be."""
    return int(text) if len(text) <= 20 and not text.startswith("-0") else float(text)


def _metadata(value: object, path: Path) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise CheckpointError(_damaged(path, f"its __metadata__ must map text to text, got {_SHORT.repr(value)}"))
    if not all(_encodable(text) for pair in value.items() for text in pair):
        raise CheckpointError(_damaged(path, "its __metadata__ holds half a surrogate pair, which is not text"))
    return value


def _entry(key: str, value: object, path: Path) -> TensorEntry:
    name = f"tensor {_SHORT.repr(key)}"
    if not _encodable(key):
        raise CheckpointError(_damaged(path, f"{name} has half a surrogate pair in its name, which is not text"))
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(
            _damaged(path, f"{name} must have exactly dtype, shape and data_offsets, got {_SHORT.repr(value)}")
        )
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise CheckpointError(
            f"{path}: {name} has the dtype {_SHORT.repr(dtype)}, which is none of {', '.join(DTYPES)}: "
            "download the file again, or convert it with what wrote it"
        )
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS or not all(map(_is_size, shape)):
        raise CheckpointError(
            _damaged(
                path, f"{name} has the shape {_SHORT.repr(shape)}, not at most {_MAX_DIMENSIONS} non-negative integers"
            )
        )
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
        raise CheckpointError(_damaged(path, f"{name} has the data_offsets {_SHORT.repr(offsets)}, not [begin, end]"))
    begin, end = offsets
    bits = DTYPES[dtype][0]
    if math.prod(max(size, 1) for size in shape) * bits > _MAX_BITS:  # arrays without elements have a limit as well
        raise CheckpointError(_damaged(path, f"{name} has the shape {_SHORT.repr(shape)}, larger than an array can be"))
    total = math.prod(shape) * bits
    if total % 8 or begin > end or end - begin != total // 8:
        needs = f"{total // 8} bytes" if total % 8 == 0 else f"{total} bits, not whole bytes"
        raise CheckpointError(
            _damaged(path, f"{name} of {dtype} {_SHORT.repr(shape)} takes {needs}, but its data_offsets are {offsets}")
        )
    return TensorEntry(dtype, tuple(shape), begin, end)


def _check_places(tensors: Mapping[str, TensorEntry], available: int, path: Path) -> None:
    """Check that the tensors fill the data exactly: no holes, no overlaps, nothing after them."""
    reached, before = 0, "the start of the data"
    for key, entry in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        name = f"tensor {_SHORT.repr(key)}"
        if entry.end > available:
            fault = f"{name} ends at byte {entry.end} of the data, but the file has only {available} bytes of data"
            raise CheckpointError(_damaged(path, fault))
        if entry.begin < reached:
            fault = f"{name} begins at byte {entry.begin} of the data and overlaps {before}, which ends at {reached}"
            raise CheckpointError(_damaged(path, fault))
        if entry.begin > reached:
            fault = f"{name} begins at byte {entry.begin}, {entry.begin - reached} bytes of nothing after {before}"
            raise CheckpointError(_damaged(path, fault))
        reached, before = entry.end, name
    if reached < available:
        raise CheckpointError(_damaged(path, f"{available - reached} bytes at its end belong to no tensor"))


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_BITS


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _damaged(path: Path, fault: str) -> str:
    return f"{path}: {fault}; the file is damaged: download or copy it again"
