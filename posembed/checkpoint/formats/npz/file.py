"""Open a NumPy archive, a zip file with one ``.npy`` file an array: Google's original ViT checkpoints, MLX's weights.

Nothing is unpickled: arrays of Python objects, text and records are copied as they are and never loaded.
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from posembed.checkpoint.copying import BUFFER, opened
from posembed.checkpoint.formats.safetensors.header import DTYPES
from posembed.checkpoint.partial import stream_of
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError, first_line

_NPY = ".npy"
_CODES = {array_type: code for code, (_, array_type) in DTYPES.items() if array_type is not None}
# NumPy has no name for bfloat16: it saves two bytes without a meaning, which JAX and MLX read as bfloat16 again.
_UNNAMED = np.dtype("V2")
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_MOST_RATIO = 1032  # bytes that one byte of deflated data can become; https://www.zlib.net/zlib_tech.html
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What `zipfile` and NumPy raise for a file that is damaged, encrypted or packed in an unknown way."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """How one array lies in its entry.

    Attributes:
        stored: the dtype as it is stored, big-endian ones among them.
        fortran: whether the first axis varies fastest.
        size: bytes of the header.
    """

    stored: np.dtype[Any]
    fortran: bool
    size: int


@dataclass(frozen=True)
class NpzFile:
    """An opened archive.

    Attributes:
        path: the file.
        tensors: its arrays of numbers, by the name of their entry without ``.npy``.
        headers: of those arrays.
        entries: the archive's whole directory, in order.
        size: bytes of the file.
        modified_ns: when it was last changed.
    """

    path: Path
    tensors: Mapping[str, StoredTensor]
    headers: Mapping[str, NpyHeader] = field(repr=False)
    entries: tuple[zipfile.ZipInfo, ...] = field(repr=False)
    size: int
    modified_ns: int

    @property
    def config(self) -> Mapping[str, object]:
        """Nothing: the format has no place for a configuration."""
        return {}

    @property
    def parts(self) -> tuple[Path, ...]:
        """No other file."""
        return ()

    def read(self, key: str) -> Array:
        """Return the values of one array, in memory order.

        Raises:
            CheckpointError: if they cannot be read, or the file changed since it was opened.
            InvalidArgumentError: if there is no such array.
        """
        if key not in self.tensors:
            raise InvalidArgumentError(f"{self.path} has no array {key!r} among its {len(self.tensors)}")
        shape, header = self.tensors[key].shape, self.headers[key]
        values = np.empty(math.prod(shape), header.stored)
        with self.archive() as archive, _explained(self.path), archive.open(f"{key}{_NPY}") as stream:
            stream.read(header.size)
            _fill(stream, values.view(np.uint8).data)
            stream.read(1)  # reaches the end, where the checksum is compared
        ordered = values.reshape(shape, order="F" if header.fortran else "C")
        return np.ascontiguousarray(meant(ordered)).reshape(shape)

    def as_stored(self, key: str, values: Array) -> Array:  # noqa: ARG002 - every format is asked alike
        """Return the values as they are: nothing is rounded."""
        return values

    @contextlib.contextmanager
    def archive(self) -> Iterator[zipfile.ZipFile]:
        """Yield the archive for reading.

        Raises:
            CheckpointError: if the file changed since it was opened.
        """
        with opened(self.path) as descriptor, stream_of(descriptor) as stream:
            facts = os.fstat(descriptor)
            if (facts.st_size, facts.st_mtime_ns) != (self.size, self.modified_ns):
                raise CheckpointError(f"{self.path} changed since it was opened: wait until nothing writes to it")
            with _explained(self.path), zipfile.ZipFile(stream) as archive:
                yield archive


def open_npz(path: Path) -> NpzFile:
    """Open an archive; only its directory and the arrays' headers are read.

    Raises:
        CheckpointError: if it is damaged, or holds no array of numbers.
    """
    with opened(path) as descriptor, stream_of(descriptor) as stream:
        facts = os.fstat(descriptor)
        if stream.read(8) == b"version ":
            raise CheckpointError(
                f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` where you cloned it"
            )
        with _explained(path), zipfile.ZipFile(stream) as archive:
            entries = tuple(archive.infolist())
            _require_plausible(path, entries, facts.st_size)
            found = {info.filename: _header(archive, info, path) for info in entries}
    if len(found) < len(entries):
        raise CheckpointError(_damaged(path, "two of its entries have the same name"))
    headers: dict[str, NpyHeader] = {}
    tensors: dict[str, StoredTensor] = {}
    for name, read in found.items():
        if read is not None:
            key = name.removesuffix(_NPY)
            headers[key], shape = read
            tensors[key] = StoredTensor(key, shape, _CODES[meaning(headers[key].stored)], path)
    if not tensors:
        raise CheckpointError(f"{path}: holds no array of numbers: it is not a checkpoint")
    return NpzFile(path, tensors, headers, entries, facts.st_size, facts.st_mtime_ns)


def meaning(stored: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the numbers that are stored, little-endian.

    Example:
        >>> meaning(np.dtype(">f4")).name, meaning(np.dtype("V2")).name
        ('float32', 'bfloat16')
    """
    return _BFLOAT16 if stored == _UNNAMED else stored.newbyteorder("<")


def meant(values: Array) -> Array:
    """Return stored values as the numbers that they mean."""
    return values.view(_BFLOAT16) if values.dtype == _UNNAMED else values.astype(meaning(values.dtype), copy=False)


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> tuple[NpyHeader, tuple[int, ...]] | None:
    """Return header and shape of an array of numbers; ``None`` for any other entry."""
    if not info.filename.endswith(_NPY):
        return None
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):  # the third is for names in other scripts, which only records have
            return None
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, stored = read(stream)
        size = stream.tell()
    if stored.hasobject or meaning(stored) not in _CODES:
        return None
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise CheckpointError(_damaged(path, f"the array {info.filename[:100]!r} has the shape {str(shape)[:100]}"))
    if size + math.prod(shape) * stored.itemsize != info.file_size:
        raise CheckpointError(
            _damaged(
                path,
                f"the array {info.filename[:100]!r} has {info.file_size - size} bytes of numbers, not as its "
                f"shape {list(shape)} and type {stored} need",
            )
        )
    return NpyHeader(stored, bool(fortran), size), tuple(map(int, shape))


def _require_plausible(path: Path, entries: tuple[zipfile.ZipInfo, ...], size: int) -> None:
    """Refuse sizes that cannot be right before anything is made of them."""
    for info in entries:
        most = info.compress_size if info.compress_type == zipfile.ZIP_STORED else info.compress_size * _MOST_RATIO
        if info.header_offset + info.compress_size > size or info.file_size > most + _MOST_RATIO:
            raise CheckpointError(
                _damaged(path, f"its entry {info.filename[:100]!r} says that it is larger than it can be")
            )


def _fill(stream: IO[bytes], view: memoryview) -> None:
    done = 0
    while done < len(view):
        block = stream.read(min(BUFFER, len(view) - done))
        if not block:
            raise zipfile.BadZipFile("an array is cut off")
        view[done : done + len(block)] = block
        done += len(block)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what a damaged archive raises into an error that says what to do."""
    try:
        yield
    except PosembedError:  # which are of these types too, and explained already
        raise
    except _BROKEN as error:
        raise CheckpointError(
            f"{path}: is not a NumPy archive, or a damaged one ({first_line(error) or type(error).__name__}): download "
            "or copy it again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}; check the disk") from error


def _damaged(path: Path, fault: str) -> str:
    return f"{path}: {fault}; the file is damaged: download or copy it again"
