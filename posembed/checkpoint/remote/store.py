"""What a place elsewhere offers: its files, their bytes by ranges, and a copy on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from posembed.checkpoint.remote.faults import NoRangesError, may_pass, refuse_request
from posembed.errors import PosembedError, WorkFailedError
from posembed.observer import Observer

PIECE = 16 << 20
"""Bytes of one request: a lost connection costs no more, and a request takes seconds at most."""
_TRIES = 4  # of one request, a second after the first failure, then two, then four
_NO_RANGES = "range requests"  # in fsspec's message about a server that ignores them

Result = TypeVar("Result")


@dataclass(frozen=True)
class RemoteFile:
    """One file elsewhere.

    Attributes:
        name: its path in the checkpoint, with ``/``.
        size: bytes, or ``None`` where that must be asked first.
        version: what changes with the content, such as an ETag; empty where nothing is known.
        sha256: of its content, where the server says it.
        git_sha1: of its content as git counts it, where the server says it.
        md5: of its content, where the server says it.
        cached: the same file on this machine.
    """

    name: str
    size: int | None = None
    version: str = ""
    sha256: str | None = None
    git_sha1: str | None = None
    md5: str | None = None
    cached: Path | None = None


class Store(Protocol):
    """A checkpoint elsewhere; every method raises errors of posembed only."""

    shown: str
    """The address in results and messages, without secrets."""
    inner: str
    """The file or folder that was named, inside of the store; empty for all of it."""

    def files(self) -> Mapping[str, RemoteFile]:
        """Return the files by name."""

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""

    def read(self, name: str, begin: int, end: int) -> bytes:
        """Return bytes of a file."""

    def download(self, names: Collection[str], observer: Observer) -> Path:
        """Put files on this machine, and return the folder that has them under their names."""


def again(ask: Callable[[], Result], shown: str) -> Result:
    """Return what a request gives, asking again where a connection broke or a server was busy.

    Raises:
        PosembedError: after the last attempt.
    """
    attempt = 0
    while True:
        try:
            return ask()
        except PosembedError:
            raise
        except Exception as error:  # each library has errors of its own
            if attempt + 1 == _TRIES or not may_pass(error):
                raise refuse_request(shown, error) from None
        time.sleep(2**attempt)
        attempt += 1


def read_range(open_file: Callable[[], Any], begin: int, end: int, shown: str) -> bytes:
    """Return bytes of a file that fsspec opens, in pieces.

    Raises:
        NoRangesError: if the server sends whole files only.
        PosembedError: if it cannot be read, or is shorter than it was said to be.
    """

    def piece(first: int, last: int) -> bytes:
        with open_file() as file:
            file.seek(first)
            data = file.read(last - first)
        if len(data) != last - first:
            raise ConnectionError("the server sent fewer bytes than it was asked for")
        return bytes(data)

    pieces = []
    try:
        for first in range(begin, end, PIECE):
            last = min(first + PIECE, end)
            pieces.append(again(lambda first=first, last=last: piece(first, last), shown))  # type: ignore[misc]
    except PosembedError as error:
        if _NO_RANGES in str(error):
            raise NoRangesError(
                f"checkpoint={shown!r}: its server sends whole files only (no range requests), so its tables cannot be "
                "read alone: download it and name the copy"
            ) from None
        raise
    return b"".join(pieces)


def refuse_content(shown: str, names: str) -> WorkFailedError:
    """Return the error for content that is not what the server says it is."""
    return WorkFailedError(
        f"checkpoint={shown!r}: {names} arrived with other content than its server states; it was removed: run the "
        "command again"
    )
