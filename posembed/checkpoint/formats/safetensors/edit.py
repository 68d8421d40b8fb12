"""Read single tensors of a safetensors file, and rewrite it with only the changed tensors in memory."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.checkpoint.copying import BLOCK, Progress, copy_range, created, opened, read_into, write_all
from posembed.checkpoint.formats.safetensors.header import DTYPES, Header, TensorEntry, read_header
from posembed.checkpoint.formats.safetensors.verify import compare_copied
from posembed.errors import CheckpointError, InvalidArgumentError

__all__ = ["Header", "TensorEntry", "compare_copied", "read_header", "read_tensor", "read_values", "write_rewritten"]

_CODES = {array_type: code for code, (_, array_type) in DTYPES.items() if array_type is not None}


def read_tensor(header: Header, key: str) -> NDArray[Any]:
    """Read one tensor, and no other byte of the file.

    Returns:
        A new array of the tensor's shape; BF16 and the 8-bit floats are those of ``ml_dtypes``.

    Raises:
        CheckpointError: if the file changed since its header was read, or the dtype is packed below a byte.
        InvalidArgumentError: if there is no such tensor.
    """
    entry = _entry(header, key)
    return _read(header, key, entry, entry.begin, entry.shape)


def read_values(header: Header, key: str, rows: slice) -> NDArray[Any]:
    """Read consecutive rows of one tensor: ``rows=slice(0, 4)`` reads the first four.

    Raises:
        CheckpointError: if the file changed since its header was read, or the dtype is packed below a byte.
        InvalidArgumentError: if there is no such tensor, it has no rows, or the slice has a step.
    """
    entry = _entry(header, key)
    if not entry.shape:
        raise InvalidArgumentError(f"{header.path}: tensor {key!r} is a single number and has no rows")
    first, stop, step = rows.indices(entry.shape[0])
    if step != 1:
        raise InvalidArgumentError(f"rows={rows} must not have a step: read consecutive rows and slice the array")
    shape = (max(stop - first, 0), *entry.shape[1:])
    each = entry.nbytes // entry.shape[0] if entry.shape[0] else 0
    return _read(header, key, entry, entry.begin + first * each, shape)


def write_rewritten(
    header: Header,
    target: Path,
    replacements: Mapping[str, NDArray[Any]],
    *,
    drop: frozenset[str] = frozenset(),
    retyped: frozenset[str] = frozenset(),
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Header:
    """Write a copy of a file in which some tensors are replaced.

    All other tensors are copied by the kernel, so the memory needed is that of the replacements. Names keep their
    order, tensors their order in the data, and the file its permission bits. If that order would leave a tensor
    unaligned, tensors are sorted as the official writer sorts them, widest dtype first. The file is not flushed to the
    disk here: ``staging`` does that before it gives the file its name.

    Args:
        header: the old file's, from ``read_header``.
        target: the new file, which must not exist; if anything fails, nothing is left there.
        replacements: new values of named tensors, of the old dtype and any shape.
        drop: names of tensors to leave out.
        retyped: names of tensors whose replacement may have another dtype.
        metadata: new free text of the header; left out, the old one is kept.
        progress: called with the number of bytes written since the last call.

    Returns:
        The new file's header, read back from it.

    Raises:
        CheckpointError: if the old file changed since its header was read.
        InvalidArgumentError: for names the file does not have, a dtype that differs, or a target that exists.
        WorkFailedError: if the file cannot be written, for example because the disk is full.

    Example:
        >>> import tempfile
        >>> from safetensors.numpy import load_file, save_file
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_file({"wpe": np.zeros((2, 1)), "wte": np.ones((1, 1))}, folder / "old.safetensors")
        >>> old = read_header(folder / "old.safetensors")
        >>> new = write_rewritten(old, folder / "new.safetensors", {"wpe": np.zeros((4, 1))})
        >>> {key: entry.shape for key, entry in new.tensors.items()}
        {'wpe': (4, 1), 'wte': (1, 1)}
    """
    for key in (*replacements, *drop):
        _entry(header, key)
    if both := sorted(drop.intersection(replacements)):
        raise InvalidArgumentError(f"{header.path}: tensors {both} are both replaced and dropped; choose one")
    changed = {key: _described(header, key, values, key in retyped) for key, values in replacements.items()}
    kept = {key: changed.get(key, entry) for key, entry in header.tensors.items() if key not in drop}
    placed, order = _laid_out(header, kept)
    spans = list(_spans(header, order, frozenset(replacements)))
    top = _header_bytes(placed, header.metadata if metadata is None else metadata)
    top = _padded(top, _same_place_in_block(header, spans, changed, len(top)))
    total = len(top) + sum(entry.nbytes for entry in placed.values())
    with _opened_unchanged(header) as source, created(target, os.fstat(source).st_mode, total) as descriptor:
        write_all(descriptor, memoryview(top))
        for begin, end, changing in spans:
            if changing is None:
                copy_range(source, descriptor, header.data_start + begin, end - begin, progress)
            else:
                write_all(descriptor, _as_bytes(np.ascontiguousarray(replacements[changing])), progress)
        _require_unchanged(header, source)
    return read_header(target)


def _described(header: Header, key: str, values: NDArray[Any], may_differ: bool) -> TensorEntry:
    """Return the replacement's entry; its place is not known yet."""
    old = header.tensors[key].dtype
    code = _CODES.get(values.dtype)
    if code is None or (code != old and not may_differ):
        raise InvalidArgumentError(
            f"{header.path}: the replacement of {key!r} is {values.dtype}, but the tensor is {old}: "
            f"cast it to {DTYPES[old][1] or old} first"
        )
    return TensorEntry(code, values.shape, 0, values.nbytes)


def _laid_out(header: Header, kept: Mapping[str, TensorEntry]) -> tuple[dict[str, TensorEntry], list[str]]:
    """Return places without holes for all tensors, and their order in the data."""
    order = sorted(kept, key=lambda key: (header.tensors[key].begin, header.tensors[key].end))
    placed = _placed(kept, order)
    if any(_aligned(header.tensors[key]) and not _aligned(entry) for key, entry in placed.items()):
        order.sort(key=lambda key: -DTYPES[kept[key].dtype][0])
        placed = _placed(kept, order)
    return {key: placed[key] for key in kept}, order


def _placed(kept: Mapping[str, TensorEntry], order: list[str]) -> dict[str, TensorEntry]:
    placed, reached = {}, 0
    for key in order:
        placed[key] = replace(kept[key], begin=reached, end=reached + kept[key].nbytes)
        reached = placed[key].end
    return placed


def _aligned(entry: TensorEntry) -> bool:
    return entry.begin % max(DTYPES[entry.dtype][0] // 8, 1) == 0


def _spans(header: Header, order: list[str], replaced: frozenset[str]) -> Iterator[tuple[int, int, str | None]]:
    """Yield the new data in order: ``(begin, end, None)`` for a span of old data, ``(0, 0, key)`` for a replacement."""
    begin = end = 0
    for key in order:
        entry = header.tensors[key]
        if key not in replaced and entry.begin == end:
            end = entry.end
            continue
        if end > begin:
            yield begin, end, None
        if key in replaced:
            yield 0, 0, key
            begin = end = entry.end
        else:
            begin, end = entry.begin, entry.end
    if end > begin:
        yield begin, end, None


def _header_bytes(placed: Mapping[str, TensorEntry], metadata: Mapping[str, str]) -> bytes:
    content: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    for key, entry in placed.items():
        content[key] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [entry.begin, entry.end]}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return _padded(len(text).to_bytes(8, "little") + text, -len(text) % 8)


def _padded(top: bytes, spaces: int) -> bytes:
    return (len(top) - 8 + spaces).to_bytes(8, "little") + top[8:] + b" " * spaces


def _same_place_in_block(
    header: Header, spans: list[tuple[int, int, str | None]], changed: Mapping[str, TensorEntry], start: int
) -> int:
    """Return how many spaces after the header keep most copied bytes block-aligned: then blocks can be shared."""
    bytes_of: Counter[int] = Counter({0: 0})
    for begin, end, changing in spans:
        if changing is None:
            bytes_of[(header.data_start + begin - start) % BLOCK] += end - begin
            start += end - begin
        else:
            start += changed[changing].nbytes
    return max((shift for shift in bytes_of if shift % 8 == 0), key=lambda shift: bytes_of[shift])


def _read(header: Header, key: str, entry: TensorEntry, begin: int, shape: tuple[int, ...]) -> NDArray[Any]:
    array_type = DTYPES[entry.dtype][1]
    if array_type is None:
        raise CheckpointError(
            f"{header.path}: tensor {key!r} is {entry.dtype}, packed below a byte: it can be copied, but not read"
        )
    values = np.empty(shape, array_type)
    with _opened_unchanged(header) as descriptor:
        try:
            read_into(descriptor, _as_bytes(values), header.data_start + begin)
        except OSError as error:
            raise CheckpointError(
                f"{header.path}: tensor {key!r} cannot be read: {error.strerror}; check the disk, or copy the file "
                "again"
            ) from error
    return values


def _as_bytes(values: NDArray[Any]) -> memoryview:
    return values.reshape(-1).view(np.uint8).data


def _entry(header: Header, key: str) -> TensorEntry:
    if key not in header.tensors:
        close = difflib.get_close_matches(key, header.tensors, n=3)
        hint = f"; close names: {', '.join(close)}" if close else ""
        raise InvalidArgumentError(f"{header.path} has no tensor {key!r} among its {len(header.tensors)}{hint}")
    return header.tensors[key]


@contextlib.contextmanager
def _opened_unchanged(header: Header) -> Iterator[int]:
    with opened(header.path) as descriptor:
        _require_unchanged(header, descriptor)
        yield descriptor


def _require_unchanged(header: Header, descriptor: int) -> None:
    facts = os.fstat(descriptor)
    if (facts.st_size, facts.st_mtime_ns) != (header.file_size, header.modified_ns):
        raise CheckpointError(
            f"{header.path} changed since its header was read ({header.file_size} bytes then, {facts.st_size} now): "
            "wait until nothing writes to it, then start again"
        )
