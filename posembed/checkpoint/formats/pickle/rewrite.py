"""Write a copy of a PyTorch file in which some tensors and settings are replaced.

Only the new tensors are in memory: all other numbers are copied, and every object stays what it is, unread.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from posembed.checkpoint.copying import BUFFER, Progress, opened, read_at, read_into
from posembed.checkpoint.formats.pickle.file import TorchFile, open_torch, storages_in
from posembed.checkpoint.formats.pickle.index import PickledFile, read_pickle
from posembed.checkpoint.formats.pickle.nodes import Call, Global, Items, Node, Storage
from posembed.checkpoint.formats.pickle.tensors import TensorRef
from posembed.checkpoint.formats.pickle.walk import places
from posembed.checkpoint.formats.pickle.writer import write_nodes
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, WorkFailedError

SAMPLE = 1 << 16  # bytes that are compared at a time
ALIGNMENT = 64  # bytes; where torch lets each record's data begin, so that it can be memory-mapped
_PADDING = b"FB"  # the extra field that torch fills with zeros for it
_LOCAL_HEADER = 30  # bytes of a zip record's header before its name

Names = tuple[str, ...]


def rewrite_pickle(
    source: PickledFile,
    target: Path,
    replacements: Mapping[str, Array],
    settings: Mapping[Names, object],
    progress: Progress | None = None,
    *,
    full: bool = False,
) -> None:
    """Write a copy of a file with new tensors and settings; tensors that were the same numbers still are.

    A TorchScript archive becomes a plain state dict: its compiled code knows the old sizes.

    Args:
        source: the old file.
        target: the new file, which must not exist.
        replacements: new values by key.
        settings: new numbers by the names that lead to them, as in :class:`Setting`.
        progress: called with the number of bytes written since the last call.
        full: compare every copied byte afterwards, not samples.

    Raises:
        CheckpointError: if the old file changed since it was opened.
        WorkFailedError: if the new file does not read back as it was written.
    """
    old = open_torch(source.opened.path)  # a graph of its own, which is changed here
    if (old.size, old.modified_ns) != (source.opened.size, source.opened.modified_ns):
        raise CheckpointError(f"{old.path} changed since it was opened: wait until nothing writes to it")
    new = _replace_tensors(source, old, replacements)
    _replace_settings(old.root, settings)
    root = _state_dict(source, old) if old.is_torchscript else old.root
    keys = list(dict.fromkeys(ref.key for ref in storages_in(root) if not ref.on_meta))
    if old.records:
        _write_zip(old, target, root, {key: new.get(key) for key in keys}, progress)
    else:
        _write_legacy(old, target, root, {key: new.get(key) for key in keys}, progress)
    target.chmod(old.path.stat().st_mode & 0o777)
    written = read_pickle(target)
    for key, values in replacements.items():
        if written.tensors[key].read().tobytes() != values.tobytes():
            raise WorkFailedError(f"{target}: {key} does not read back as it was written: check the disk")
    _compare_copied(old, written.opened, [key for key in keys if key not in new], full=full)


def _compare_copied(old: TorchFile, new: TorchFile, keys: Sequence[str], *, full: bool) -> None:
    """Compare the storages that were copied: every byte, or the first, middle and last of each."""
    with opened(old.path) as before, opened(new.path) as after:
        for key in keys:
            one, other = old.places[key], new.places[key]
            starts = range(0, one.size, SAMPLE) if full else {0, one.size // 2, max(0, one.size - SAMPLE)}
            for start in starts:
                count = min(SAMPLE, one.size - start)
                if read_at(before, count, one.begin + start) != read_at(after, count, other.begin + start):
                    raise WorkFailedError(f"{new.path}: storage {key} differs from the source's: check the disk")


def _replace_tensors(source: PickledFile, old: TorchFile, replacements: Mapping[str, Array]) -> dict[str, Array]:
    """Point the tensors at new storages, and return the numbers of these by name."""
    wanted = [(source.tensors[key].ref, values) for key, values in replacements.items()]
    used = {ref.key for ref in storages_in(old.root)}
    fresh = (str(number) for number in range(len(used), 2 * len(used) + len(wanted) + 1) if str(number) not in used)
    new: dict[str, Array] = {}
    stored: dict[int, Storage] = {}
    done: set[int] = set()
    for place in places(old.root):
        ref = place.tensor
        if ref is None or ref.special or place.of_optimizer or id(ref.call) in done:
            continue
        match = next((number for number, (one, _) in enumerate(wanted) if one.same_place(ref)), None)
        if match is None:
            continue
        values = np.ascontiguousarray(wanted[match][1]).reshape(wanted[match][1].shape)  # a number stays one
        if match not in stored:
            key = next(fresh)
            stored[match] = _storage(ref, key, values)
            new[key] = values
        _point(ref.call, stored[match], values.shape)
        done.add(id(ref.call))
    return new


def _storage(ref: TensorRef, key: str, values: Array) -> Storage:
    node = ref.call.arguments[0] if isinstance(ref.call.arguments, tuple) else None
    assert isinstance(node, Storage)
    assert isinstance(node.pid, tuple)
    typed = ref.storage is not None and ref.storage.dtype
    _, kind, _, location, _, *view = node.pid
    return Storage(("storage", kind, key, location, values.size if typed else values.nbytes, *(None for _ in view)))


def _point(call: Call, storage: Storage, shape: tuple[int, ...]) -> None:
    """Let a tensor be a whole storage, in the usual order."""
    assert isinstance(call.arguments, tuple)
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    more = call.arguments[4:]
    if call.function.name.endswith("v2"):
        more = more[:2]  # without the note that the numbers are negated
    elif call.function.name.endswith("v3"):
        more = more[:3]
    call.arguments = (storage, 0, shape, tuple(strides), *more)


def _replace_settings(root: Node, settings: Mapping[Names, object]) -> None:
    for place in list(places(root)) if settings else ():
        if place.names in settings and place.holder is not None and place.tensor is None:
            value = settings[place.names]
            place.holder[place.at] = (
                tuple(value) if isinstance(place.value, tuple) and isinstance(value, list) else value
            )


def _state_dict(source: PickledFile, old: TorchFile) -> Call:
    """The weights of a TorchScript archive as the state dict that ``torch.save`` would write."""
    calls = {place.names: place.tensor for place in places(old.root) if place.tensor is not None}
    found = Call(Global("collections", "OrderedDict"), (), "reduce")
    found.items = Items()
    keys = {tensor.names: key for key, tensor in source.tensors.items()}
    for names, tensor in calls.items():
        if names in keys:
            found.items.extend((keys[names], tensor.call))
    return found


def _write_zip(
    old: TorchFile, target: Path, root: Node, storages: Mapping[str, Array | None], progress: Progress | None
) -> None:
    pickled, prefix = f"{old.folder}/data.pkl", f"{old.folder}/data/"
    data = write_nodes(root)
    with opened(old.path) as source, zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        _add(archive, pickled, [data], len(data), progress)
        kept = {name for name in old.records if name != pickled and not name.startswith(prefix)}
        if old.is_torchscript:
            kept = {f"{old.folder}/version", f"{old.folder}/byteorder"}
        for name, record in old.records.items():
            if name in kept:
                _add(archive, name, _blocks(source, record.begin, record.size), record.size, progress)
        for key, values in storages.items():
            if values is not None:
                _add(archive, prefix + key, [_as_bytes(values)], values.nbytes, progress)
            else:
                record = old.places[key]
                _add(archive, prefix + key, _blocks(source, record.begin, record.size), record.size, progress)


def _add(
    archive: zipfile.ZipFile, name: str, blocks: Iterable[bytes | memoryview], size: int, progress: Progress | None
) -> None:
    """Add a record whose data begins at a multiple of :data:`ALIGNMENT`."""
    info = zipfile.ZipInfo(name)
    info.file_size = size
    big = size * 1.05 > zipfile.ZIP64_LIMIT  # as zipfile decides whether it needs a field of 20 bytes
    header = _LOCAL_HEADER + len(name.encode()) + 20 * big + 4
    padding = -((archive.fp.tell() if archive.fp is not None else 0) + header) % ALIGNMENT
    info.extra = _PADDING + struct.pack("<H", padding) + b"\0" * padding
    with archive.open(info, "w") as record:
        for block in blocks:
            record.write(block)
            if progress is not None:
                progress(len(block))


def _write_legacy(
    old: TorchFile, target: Path, root: Node, storages: Mapping[str, Array | None], progress: Progress | None
) -> None:
    with opened(old.path) as source, target.open("xb") as stream:
        stream.write(old.head + write_nodes(root) + write_nodes(list(storages)))
        counts = {ref.key: ref.count for ref in storages_in(root)}
        for key, values in storages.items():
            stream.write(struct.pack("<q", counts[key]))
            if values is not None:
                _write(stream, [_as_bytes(values)], progress)
            else:
                record = old.places[key]
                _write(stream, _blocks(source, record.begin, record.size), progress)


def _write(stream: BinaryIO, blocks: Iterable[memoryview], progress: Progress | None) -> None:
    for block in blocks:
        stream.write(block)
        if progress is not None:
            progress(len(block))


def _blocks(descriptor: int, begin: int, size: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(BUFFER, size)))
    done = 0
    while done < size:
        block = buffer[: min(len(buffer), size - done)]
        read_into(descriptor, block, begin + done)
        yield block
        done += len(block)


def _as_bytes(values: Array) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
