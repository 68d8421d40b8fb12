"""Download files so that a killed run is resumed, and nothing has a file's name before it is whole and verified."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posembed.checkpoint.disk import explain_os_error, require_space
from posembed.checkpoint.remote.faults import NoRangesError, refuse_request
from posembed.checkpoint.remote.store import PIECE, RemoteFile, refuse_content
from posembed.errors import PosembedError, WorkFailedError, WorkInterruptedError
from posembed.files import flush
from posembed.locks import locked
from posembed.observer import Observer, Progress

_AT_ONCE = 4  # pieces in flight: enough to fill a line to a distant server, 64 MiB of memory
_BLOCK = 1 << 20
INCOMPLETE = ".posembed.incomplete"
"""Ending of a file that is being downloaded; a killed run leaves it, and the next one resumes it."""


@dataclass(frozen=True)
class Source:
    """A file to download.

    Attributes:
        file: what the server says of it.
        target: where it goes; whole and verified, or absent.
        size: bytes, or ``None`` if the server does not say.
        read: returns bytes of it.
        stream: opens all of it, for servers that send whole files only.
        is_unchanged: whether the server still has the same version.
    """

    file: RemoteFile
    target: Path
    size: int | None
    read: Callable[[int, int], bytes]
    stream: Callable[[], Any]
    is_unchanged: Callable[[], bool]

    @property
    def partial(self) -> Path:
        """Where its bytes are collected."""
        return self.target.with_name(self.target.name + INCOMPLETE)


def fetch_files(sources: Sequence[Source], root: Path, shown: str, observer: Observer) -> None:
    """Download the files that are not there yet.

    Args:
        sources: the files.
        root: the folder for which there must be room.
        shown: the checkpoint's address, for messages.
        observer: receives bytes as progress named ``"downloading"``, and may stop between two pieces.

    Raises:
        WorkFailedError: if a file cannot be written, changed meanwhile, or has other content than the server states.
        WorkInterruptedError: if the observer asked to stop.
        PosembedError: if the server fails.
    """
    missing = [source for source in sources if not source.target.exists()]
    if not missing:
        return
    here = {source.file.name: _bytes_here(source) for source in missing}
    sizes = [source.size for source in missing]
    needed = sum(size - here[source.file.name] for source, size in zip(missing, sizes, strict=True) if size is not None)
    require_space(root, max(needed, 0))
    counted = _Counted(observer, None if None in sizes else sum(size or 0 for size in sizes))
    observer.message(f"downloading {len(missing)} files of {shown}")
    for source in missing:
        try:
            _fetch(source, shown, counted)
        except OSError as error:
            if isinstance(error, PosembedError):
                raise
            raise WorkFailedError(explain_os_error(error, source.target, source.size)) from error


class _Counted:
    """Bytes that have arrived, told to an observer."""

    def __init__(self, observer: Observer, total: int | None) -> None:
        self._observer, self._total, self._done = observer, total, 0

    def add(self, count: int, name: str) -> None:
        self._done += count
        self._observer.progress(Progress("downloading", self._done, self._total, "bytes", detail=name))
        if self._observer.should_stop():
            raise WorkInterruptedError("stopped; what was downloaded is kept: run the same command again to resume")


def _fetch(source: Source, shown: str, counted: _Counted) -> None:
    source.target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(source.partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if locked(descriptor) is False:
            raise WorkFailedError(f"{source.partial} is being written by another process: wait until it has finished")
        if source.target.exists():  # that process was faster
            source.partial.unlink(missing_ok=True)
            return
        try:
            _fill(source, descriptor, counted)
        except NoRangesError:
            _fill_at_once(source, descriptor, shown, counted)
        _require_right(source, descriptor, shown)
        os.fsync(descriptor)
        source.partial.replace(source.target)
    finally:
        os.close(descriptor)
    flush(source.target.parent)


def _fill(source: Source, descriptor: int, counted: _Counted) -> None:
    """Append what is missing, some pieces at a time, in order."""
    from concurrent.futures import Future, ThreadPoolExecutor

    if source.size is None:
        raise NoRangesError(source.file.name)
    here = _bytes_here(source)
    os.ftruncate(descriptor, here)
    os.lseek(descriptor, here, os.SEEK_SET)
    counted.add(here, source.file.name)
    begins = iter(range(here, source.size, PIECE))
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            while True:
                while len(waiting) < _AT_ONCE and (begin := next(begins, None)) is not None:
                    waiting.append(pool.submit(source.read, begin, min(begin + PIECE, source.size)))
                if not waiting:
                    return
                data = waiting.popleft().result()
                _write(descriptor, data)
                counted.add(len(data), source.file.name)
        finally:
            for each in waiting:
                each.cancel()


def _fill_at_once(source: Source, descriptor: int, shown: str, counted: _Counted) -> None:
    """Read the whole file from its beginning, which a server without ranges allows."""
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        with source.stream() as stream:
            while data := stream.read(_BLOCK):
                _write(descriptor, data)
                counted.add(len(data), source.file.name)
    except PosembedError:
        raise
    except Exception as error:  # each library has errors of its own
        raise refuse_request(shown, error) from None


def _require_right(source: Source, descriptor: int, shown: str) -> None:
    """Compare size and checksum with what the server states, and remove what differs."""
    size = os.fstat(descriptor).st_size
    file = source.file
    wanted = [
        ("sha256", b"", file.sha256),
        ("sha1", f"blob {size}\0".encode(), file.git_sha1),
        ("md5", b"", file.md5),
    ]
    right = source.size is None or size == source.size
    for name, start, stated in wanted:
        right = right and (stated is None or _digest(descriptor, name, start) == stated)
    if not right:
        source.partial.unlink(missing_ok=True)
        raise refuse_content(shown, file.name)
    if not source.is_unchanged():
        source.partial.unlink(missing_ok=True)
        raise WorkFailedError(
            f"checkpoint={shown!r}: {file.name} changed while it was downloaded: run the command again"
        )


def _digest(descriptor: int, name: str, start: bytes) -> str:
    digest, at = hashlib.new(name, start, usedforsecurity=False), 0
    while data := os.pread(descriptor, _BLOCK, at):
        digest.update(data)
        at += len(data)
    return digest.hexdigest()


def _bytes_here(source: Source) -> int:
    """Return how many leading bytes an earlier run has left; 0 where nothing says that they are of the same file."""
    file = source.file
    if not (file.version or file.sha256 or file.git_sha1 or file.md5):
        return 0
    try:
        here = source.partial.stat().st_size
    except OSError:
        return 0
    return here if source.size is not None and here <= source.size else 0


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
