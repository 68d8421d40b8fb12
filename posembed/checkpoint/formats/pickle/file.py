"""Open a PyTorch file of any age: a zip archive, TorchScript among them, or the pickles of before torch 1.6.

Nothing in it is run and torch is not imported: what the pickle describes is read as data, the tensors by their places.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from posembed.checkpoint.copying import opened, read_at, read_into
from posembed.checkpoint.formats.pickle.archive import Record, read_directory, require_plain
from posembed.checkpoint.formats.pickle.machine import most_bytes
from posembed.checkpoint.formats.pickle.nodes import Call, Node, PickleFaultError, Storage, UnsafePickleError, children
from posembed.checkpoint.formats.pickle.reader import read_nodes
from posembed.checkpoint.formats.pickle.tensors import DTYPES, StorageRef, TensorRef, storage_of, str_of
from posembed.checkpoint.partial import stream_of
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError

_ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_LEGACY_PROTOCOL = 1001
_TAR = b"ustar"  # at byte 257


@dataclass(frozen=True)
class TorchFile:
    """What a file holds besides its tensors, and where those lie.

    Attributes:
        path: the file.
        root: what its pickle describes.
        places: where the numbers of each storage lie.
        records: of a zip archive, every record; empty for the format of before torch 1.6.
        folder: of a zip archive, the folder of its records.
        is_torchscript: whether it holds a compiled model, with its code.
        head: of the old format, the bytes before the pickle.
        size: bytes of the file.
        modified_ns: when it was last changed.
    """

    path: Path
    root: Node = field(repr=False)
    places: Mapping[str, Record] = field(repr=False)
    records: Mapping[str, Record] = field(repr=False)
    folder: str
    is_torchscript: bool
    head: bytes = field(repr=False)
    size: int
    modified_ns: int

    def require_stored(self, ref: TensorRef, key: str) -> None:
        """Check that the file has all numbers of a tensor.

        Raises:
            CheckpointError: if they are missing or too few.
        """
        if ref.storage is None or ref.storage.on_meta:
            return
        record = self.places.get(ref.storage.key)
        if record is None or record.size < ref.storage.nbytes:
            has = "none of them" if record is None else f"only {record.size}"
            raise CheckpointError(
                f"{self.path}: {key} needs {ref.storage.nbytes} bytes and the file has {has}: it is damaged; "
                "download or copy it again"
            )

    def read(self, ref: TensorRef) -> Array:
        """Return the values of a tensor, and read no other bytes than those between its first and last number.

        Raises:
            CheckpointError: if the file cannot be read, or the tensor is special.
        """
        array_type = DTYPES[ref.dtype][1] if ref.dtype in DTYPES else None
        if ref.special or ref.storage is None or array_type is None:
            raise CheckpointError(f"{self.path}: tensors that are {ref.dtype_name} cannot be read as rows")
        if 0 in ref.shape:
            return np.empty(ref.shape, array_type)
        steps = [(side - 1) * stride for side, stride in zip(ref.shape, ref.strides, strict=True)]
        numbers = np.empty(sum(steps) + 1, f"V{array_type.itemsize}")  # NumPy strides no float of 8 bits
        begin = self.places[ref.storage.key].begin + ref.offset * array_type.itemsize
        with opened(self.path) as descriptor:
            facts = os.fstat(descriptor)
            if (facts.st_size, facts.st_mtime_ns) != (self.size, self.modified_ns):
                raise CheckpointError(f"{self.path} changed while it was read: wait until nothing writes to it")
            try:
                read_into(descriptor, numbers.view(np.uint8).data, begin)
            except OSError as error:
                raise CheckpointError(f"{self.path}: cannot be read: {error.strerror}; check the disk") from error
        strides = [stride * array_type.itemsize for stride in ref.strides]
        strided = np.lib.stride_tricks.as_strided(numbers, ref.shape, strides)
        values: Array = np.ascontiguousarray(strided).view(array_type)
        return (np.negative(values) if ref.negative else values).reshape(ref.shape)


def open_torch(path: Path) -> TorchFile:
    """Open a PyTorch file; no number of any tensor is read.

    Raises:
        CheckpointError: for a file that is broken, is of another kind, or would run code when it is loaded.
    """
    try:
        with opened(path) as descriptor:
            facts = os.fstat(descriptor)
            with stream_of(descriptor) as stream:
                return _open(path, descriptor, stream, facts)
    except UnsafePickleError as error:
        raise CheckpointError(
            f"{path}: loading it would run code ({error}). "
            "Nothing was run; fetch the safetensors version of this checkpoint"
        ) from error
    except PickleFaultError as error:
        raise CheckpointError(
            f"{path}: is not a PyTorch checkpoint, or a broken one ({error}): download or copy it again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open(path: Path, descriptor: int, stream: BinaryIO, facts: os.stat_result) -> TorchFile:
    start = read_at(descriptor, 512, 0)
    if start[:4] == _ZIP:
        return _open_zip(path, descriptor, facts)
    if start[257:262] == _TAR:
        raise PickleFaultError("it is a tar archive, of torch 0.1 or of other files: unpack it and name a file in it")
    if start[:8] == b"version ":
        raise PickleFaultError("it is a Git LFS pointer, not the weights: run `git lfs pull` where you cloned it")
    return _open_legacy(path, descriptor, stream, facts)


def _open_zip(path: Path, descriptor: int, facts: os.stat_result) -> TorchFile:
    records = read_directory(descriptor, facts.st_size)
    folder = next(iter(records)).partition("/")[0]
    pickles = [name for name in records if name.endswith("/data.pkl")]
    if f"{folder}/data.pkl" not in records:
        if len(pickles) != 1:
            raise PickleFaultError("it is a zip archive without a data.pkl: unpack it and name a file in it")
        folder = pickles[0].removesuffix("/data.pkl")
    prefix = f"{folder}/data/"
    script = f"{folder}/constants.pkl" in records or any(name.startswith(f"{folder}/code/") for name in records)
    code = (f"{folder}/code/", f"{folder}/extra/", f"{folder}/constants")  # which a state dict does not need
    require_plain({name: each for name, each in records.items() if not (script and name.startswith(code))})
    order = records.get(f"{folder}/byteorder")
    if order is not None and read_at(descriptor, 6, order.begin)[: order.size] == b"big":
        raise PickleFaultError("it was written on a big-endian machine: load it with torch and save it again")
    pickled = records[f"{folder}/data.pkl"]
    if pickled.size > most_bytes(facts.st_size):
        raise PickleFaultError(f"its pickle has {pickled.size} bytes besides the tensors, out of proportion")
    data = read_at(descriptor, pickled.size, pickled.begin)
    root = read_nodes(io.BytesIO(data), facts.st_size)
    places = {name.removeprefix(prefix): record for name, record in records.items() if name.startswith(prefix)}
    return TorchFile(path, root, places, records, folder, script, b"", facts.st_size, facts.st_mtime_ns)


def _open_legacy(path: Path, descriptor: int, stream: BinaryIO, facts: os.stat_result) -> TorchFile:
    stream.seek(0)
    if read_nodes(stream, facts.st_size) != _MAGIC:
        raise PickleFaultError("it is a pickle, but not one that torch wrote")
    protocol, system = (read_nodes(stream, facts.st_size) for _ in range(2))
    if protocol != _LEGACY_PROTOCOL or not hasattr(system, "get") or system.get("little_endian") is not True:
        raise PickleFaultError("it is of an unknown version, or of a big-endian machine")
    start = stream.tell()
    root = read_nodes(stream, facts.st_size)
    keys = read_nodes(stream, facts.st_size)
    if not isinstance(keys, list):
        raise PickleFaultError("it has no list of storages")
    head = read_at(descriptor, start, 0)
    sizes = {ref.key: ref for ref in storages_in(root)}
    places: dict[str, Record] = {}
    at = stream.tell()
    for key in map(str_of, keys):
        count = read_at(descriptor, 8, at)
        if key not in sizes or len(count) < 8 or struct.unpack("<q", count)[0] != sizes[key].count:
            raise PickleFaultError("its storages do not match its tensors, or it is cut off")
        places[key] = Record(at + 8, sizes[key].nbytes)
        at += 8 + sizes[key].nbytes
    if at > facts.st_size:
        raise PickleFaultError("it is cut off")
    return TorchFile(path, root, places, {}, "", False, head, facts.st_size, facts.st_mtime_ns)


def storages_in(root: Node) -> Iterable[StorageRef]:
    """Yield every storage that a pickle refers to, each node once."""
    seen: set[int] = set()
    work: list[Any] = [root]
    while work:
        node = work.pop()
        if isinstance(node, Storage):
            yield storage_of(node)
        elif isinstance(node, list | tuple | Call) and id(node) not in seen:
            seen.add(id(node))
            work.extend(children(node))
