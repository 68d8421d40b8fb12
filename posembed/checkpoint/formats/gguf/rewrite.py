"""Write a copy of a GGUF file with new tensors and metadata; everything else is copied by the kernel."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from posembed.checkpoint.copying import Progress, copy_range, created, opened, read_into, write_all
from posembed.checkpoint.formats.gguf.file import GgufFile, open_gguf
from posembed.checkpoint.formats.gguf.header import MAGIC, GgufHeader, TensorInfo
from posembed.checkpoint.formats.gguf.types import SCALARS, STRING
from posembed.checkpoint.json_object import json_text
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, WorkFailedError

TOKENIZER = "tokenizer.huggingface.json"
"""The metadata value that holds a whole ``tokenizer.json``; settings inside of it are named by the path behind it."""
SAMPLE = 1 << 16  # bytes that are compared at a time

Place = tuple[str | int, ...]


def rewrite_gguf(
    source: GgufFile,
    target: Path,
    replacements: Mapping[str, Array],
    settings: Mapping[Place, object],
    progress: Progress | None,
    *,
    full: bool,
) -> None:
    """Write a copy; metadata and tensors keep their order.

    Raises:
        CheckpointError: if the source changed since it was opened, or a new number does not fit its type.
        WorkFailedError: if the copy cannot be written, or does not read back as it was written.
    """
    old = source.header
    new = {key: source.encoded(key, values) for key, values in replacements.items()}
    infos: dict[str, TensorInfo] = {}
    reached = 0
    for name, info in sorted(old.tensors.items(), key=lambda item: (item[1].begin, item[1].nbytes)):
        kind, nbytes = (new[name][0], len(new[name][1])) if name in new else (info.kind, info.nbytes)
        shape = replacements[name].shape if name in new else info.shape
        infos[name] = TensorInfo(tuple(shape), kind, reached, nbytes)
        reached = _aligned(reached + nbytes, old.alignment)
    top = _header(old, {name: infos[name] for name in old.tensors}, settings)
    total = len(top) + reached
    with opened(source.path) as reading, created(target, os.fstat(reading).st_mode, total) as writing:
        source.require_unchanged(reading)
        write_all(writing, memoryview(top))
        for name, info in infos.items():
            if name in new:
                write_all(writing, memoryview(new[name][1]), progress)
            else:
                copy_range(reading, writing, old.data_start + old.tensors[name].begin, info.nbytes, progress)
            write_all(writing, memoryview(b"\0" * (_aligned(info.nbytes, old.alignment) - info.nbytes)))
        source.require_unchanged(reading)
    _verify(source, open_gguf(target), {key: data for key, (_, data) in new.items()}, full=full)


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _header(old: GgufHeader, infos: Mapping[str, TensorInfo], settings: Mapping[Place, object]) -> bytes:
    """Return the new header, up to where the data begins."""
    changed = _changed_metadata(old, settings)
    out = bytearray(MAGIC + struct.pack("<IQQ", old.version, len(infos), len(old.metadata)))
    for key, entry in old.metadata.items():
        out += changed.get(key, old.raw[entry.begin : entry.end])
    for name, info in infos.items():
        out += _text(name) + struct.pack("<I", len(info.shape))
        out += struct.pack(f"<{len(info.shape)}Q", *reversed(info.shape)) + struct.pack("<IQ", info.kind, info.begin)
    return bytes(out) + b"\0" * (_aligned(len(out), old.alignment) - len(out))


def _changed_metadata(old: GgufHeader, settings: Mapping[Place, object]) -> dict[str, bytes]:
    changed: dict[str, bytes] = {}
    inside = {place: value for place, value in settings.items() if place[0] == TOKENIZER}
    for place, value in settings.items():
        if place in inside:
            continue
        key = ".".join(map(str, place))
        entry = old.metadata[key]
        if entry.kind not in SCALARS or isinstance(value, bool) or not isinstance(value, int | float):
            raise CheckpointError(f"{old.path}: {key} cannot become {value!r}: its type holds single numbers alone")
        try:
            packed = struct.pack(f"<{SCALARS[entry.kind]}", value)
        except struct.error as error:
            raise CheckpointError(f"{old.path}: {key} cannot become {value!r}: {error}") from error
        changed[key] = _text(key) + struct.pack("<I", entry.kind) + packed
    if inside:
        content = json.loads(str(old.metadata[TOKENIZER].value))
        for (_, *names, last), value in inside.items():
            at = content
            for name in names:
                at = at[name]
            at[last] = value
        changed[TOKENIZER] = _text(TOKENIZER) + struct.pack("<I", STRING) + _text(json_text(content))
    return changed


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def _verify(source: GgufFile, written: GgufFile, new: Mapping[str, bytes], *, full: bool) -> None:
    """Compare the new tensors with what was to be written, and the copied ones with the source."""
    for key, data in new.items():
        if written.stored(key) != data:
            raise WorkFailedError(f"{written.path}: {key} does not read back as it was written: check the disk")
    with opened(source.path) as before, opened(written.path) as after:
        for key, info in source.header.tensors.items():
            if key in new:
                continue
            here = source.header.data_start + info.begin
            there = written.header.data_start + written.header.tensors[key].begin
            size = info.nbytes
            starts = range(0, size, SAMPLE) if full else sorted({0, size // 2, max(0, size - SAMPLE)})
            for start in starts:
                count = min(SAMPLE, size - start)
                if _bytes_at(before, here + start, count) != _bytes_at(after, there + start, count):
                    raise WorkFailedError(f"{written.path}: {key} differs from the source's: check the disk")


def _bytes_at(descriptor: int, offset: int, count: int) -> bytes:
    data = bytearray(count)
    read_into(descriptor, memoryview(data), offset)
    return bytes(data)
