"""Files of which only some bytes are on this machine: what is read is fetched first, and nothing else.

A checkpoint at an address is opened in a folder with an empty file for each of its files. A reader that goes through
:func:`place_of`, :func:`fetch`, :func:`size_of`, :func:`bytes_of` or :func:`open_binary` finds the bytes in a sparse
file elsewhere; any other reader finds an empty file, never zeros in place of numbers.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from posembed.errors import CheckpointError

Read = Callable[[int, int], bytes]
"""Return the bytes from one place of a file to another."""

_BUFFER = 1 << 12  # bytes of a stream's request: what is read of archives are places of a few bytes
_LARGEST_BUFFER = 1 << 18  # of one that is read through: what is read ahead at its end is fetched for nothing
_AT_ONCE = 8  # requests, as many as browsers and the hub's own client send

_PARTIAL: dict[str, PartialFile] = {}
_OF_DESCRIPTOR: dict[int, PartialFile] = {}


class PartialFile:
    """One file elsewhere, with the bytes of it that were read.

    Args:
        store: the sparse file that receives the bytes; it must not exist.
        size: returns the file's size in bytes, asked once, when it is needed.
        read: fetches bytes.
    """

    def __init__(self, store: Path, size: Callable[[], int], read: Read) -> None:
        self._store, self._size, self._read = store, size, read
        self._lock = threading.RLock()
        self._known: int | None = None
        self._spans: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        with self._lock:
            if self._known is None:
                self._known = self._size()
            return self._known

    @property
    def fetched(self) -> int:
        """Bytes that were fetched."""
        return sum(end - begin for begin, end in self._spans)

    def place(self) -> Path:
        """Return the sparse file, of the whole file's size.

        Raises:
            CheckpointError: if the temporary folder has no room for a file of that size.
        """
        with self._lock:
            if not self._store.exists():
                try:
                    with self._store.open("xb") as file:
                        file.truncate(self.size)
                except OSError as error:
                    self._store.unlink(missing_ok=True)
                    raise CheckpointError(
                        f"a sparse file of {self.size} bytes cannot be made in {self._store.parent} "
                        f"({(error.strerror or str(error)).lower()}): set TMPDIR to a folder of another file system"
                    ) from error
            return self._store

    def fetch(self, begin: int, end: int) -> None:
        """Fetch the bytes between two places, where they are not here yet."""
        with self._lock:
            missing = list(self._missing(begin, min(end, self.size)))
        for first, last in missing:
            self._keep(first, self._read(first, last))

    def fetch_all(self, spans: Sequence[tuple[int, int]]) -> None:
        """Fetch several spans, some of them at the same time."""
        from concurrent.futures import ThreadPoolExecutor  # which files of this machine do without

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda span: self.fetch(*span), spans))

    def _keep(self, begin: int, data: bytes) -> None:
        with self._lock:
            descriptor = os.open(self.place(), os.O_WRONLY | os.O_CLOEXEC)
            try:
                facts = os.fstat(descriptor)
                view, at = memoryview(data), begin
                while view:
                    wrote = os.pwrite(descriptor, view, at)
                    view, at = view[wrote:], at + wrote
                # Readers take another time for another version of the file.
                os.utime(descriptor, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            finally:
                os.close(descriptor)
            self._spans = _joined([*self._spans, (begin, begin + len(data))])

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes between two places."""
        self.fetch(begin, end)
        with self.place().open("rb") as file:
            file.seek(begin)
            return file.read(max(end - begin, 0))

    def _missing(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        for first, last in self._spans:
            if first >= end:
                break
            if first > begin:
                yield begin, first
            begin = max(begin, last)
        if begin < end:
            yield begin, end


def register(path: Path, partial: PartialFile) -> None:
    """Let an empty file stand for one elsewhere."""
    _PARTIAL[str(path)] = partial


def forget(root: Path) -> None:
    """Forget every file below a folder."""
    for path in [path for path in _PARTIAL if path.startswith(f"{root}{os.sep}")]:
        del _PARTIAL[path]


def partial_at(path: Path) -> PartialFile | None:
    """Return what stands at a path, or ``None`` for a file of this machine."""
    return _PARTIAL.get(str(path)) if _PARTIAL else None


def place_of(path: Path) -> Path:
    """Return the path to open for a file: its own, or that of the sparse file with its bytes."""
    partial = partial_at(path)
    return path if partial is None else partial.place()


def opened_as(descriptor: int, path: Path) -> None:
    """Remember which file a descriptor reads."""
    partial = partial_at(path)
    if partial is not None:
        _OF_DESCRIPTOR[descriptor] = partial


def closed(descriptor: int) -> None:
    """Forget a descriptor."""
    _OF_DESCRIPTOR.pop(descriptor, None)


def fetch(descriptor: int, offset: int, count: int) -> None:
    """Fetch what is about to be read from a descriptor; nothing for a file of this machine."""
    if _OF_DESCRIPTOR and (partial := _OF_DESCRIPTOR.get(descriptor)) is not None:
        partial.fetch(offset, offset + count)


def stream_of(descriptor: int, buffering: int = -1) -> BinaryIO:
    """Return a stream of what a descriptor reads, which is closed apart from it."""
    partial = _OF_DESCRIPTOR.get(descriptor) if _OF_DESCRIPTOR else None
    return os.fdopen(os.dup(descriptor), "rb", buffering) if partial is None else _buffered(partial, buffering)


def is_partial(descriptor: int) -> bool:
    """Return whether a descriptor reads a file elsewhere."""
    return descriptor in _OF_DESCRIPTOR


def fetch_all(descriptor: int, spans: Sequence[tuple[int, int]]) -> None:
    """Fetch several spans of what a descriptor reads."""
    _OF_DESCRIPTOR[descriptor].fetch_all(spans)


def size_of(path: Path) -> int:
    """Return the size of a file in bytes."""
    partial = partial_at(path)
    return path.stat().st_size if partial is None else partial.size


def bytes_of(path: Path) -> bytes:
    """Return the whole content of a file."""
    partial = partial_at(path)
    return path.read_bytes() if partial is None else partial.read(0, partial.size)


def open_binary(path: Path) -> BinaryIO:
    """Open a file to read parts of it."""
    partial = partial_at(path)
    return path.open("rb") if partial is None else _buffered(partial)


def _buffered(partial: PartialFile, size: int = -1) -> BinaryIO:
    return io.BufferedReader(_Reader(partial), min(size, _LARGEST_BUFFER) if size > 0 else _BUFFER)


class _Reader(io.RawIOBase):
    """A partial file as a stream."""

    def __init__(self, partial: PartialFile) -> None:
        super().__init__()
        self._partial, self._at = partial, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._partial.size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._partial.read(self._at, min(self._at + len(buffer), self._partial.size))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch as one.

    Example:
        >>> _joined([(8, 9), (0, 4), (4, 6)])
        [(0, 6), (8, 9)]
    """
    result: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result
