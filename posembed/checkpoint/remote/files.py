"""Files of a file system of fsspec that lists its folders: S3, Google Cloud Storage, memory, archives and others."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from posembed.checkpoint.remote.address import UrlAddress
from posembed.checkpoint.remote.download import Source, fetch_files
from posembed.checkpoint.remote.faults import refuse_request
from posembed.checkpoint.remote.known import BESIDE_A_FILE, FILES, shards_in
from posembed.checkpoint.remote.store import RemoteFile, again, read_range
from posembed.errors import InvalidArgumentError
from posembed.observer import Observer

_MD5 = re.compile(r"[0-9a-f]{32}")


def cache_folder() -> Path:
    """Return where files of such addresses are kept: ``POSEMBED_CACHE``, or ``posembed`` in the user's cache."""
    named = os.environ.get("POSEMBED_CACHE")
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(named).expanduser() if named else Path(usual).expanduser() / "posembed"


class UrlStore:
    """A checkpoint in a file system of fsspec.

    Args:
        address: as it was given.
        system: fsspec's file system.
        path: of the checkpoint in it.
    """

    def __init__(self, address: UrlAddress, system: Any, path: str) -> None:
        self.shown, self._address, self._system = address.shown, address, system
        self._path = path.rstrip("/")
        self._files: dict[str, RemoteFile] | None = None
        self.inner = ""
        self._base = self._path
        if self._is_file():
            self._base, self.inner = self._path.rpartition("/")[::2]

    def files(self) -> Mapping[str, RemoteFile]:
        """Return the files by name; of a single file, itself and the configuration beside it."""
        if self._files is None:
            found = {file.name: file for file in self._found()}
            self._files = dict(sorted(found.items()))
        return self._files

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        known = self.files().get(name)
        if known is not None and known.size is not None:
            return known.size
        size = self._info(name).get("size")
        if size is None:
            raise refuse_request(self.shown, ValueError(f"its server does not say how large {name} is"))
        return int(size)

    def read(self, name: str, begin: int, end: int) -> bytes:
        """Return bytes of a file."""
        size = self.size(name)
        return read_range(lambda: self._open(name, size), begin, end, self._shown(name))

    def download(self, names: Collection[str], observer: Observer) -> Path:
        """Put files into :func:`cache_folder`, in a folder of this version of the checkpoint."""
        state = repr([(file.name, file.size, file.version) for file in self.files().values()])
        key = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in (self._address.url, state)]
        last = unquote(posixpath.basename(self._base)) or "checkpoint"
        root = cache_folder() / "downloads" / key[0] / key[1] / re.sub(r"[^\w.-]", "_", last)
        sources = [self._source(name, root) for name in names]
        fetch_files(sources, root, self.shown, observer)
        return root

    def _source(self, name: str, root: Path) -> Source:
        file = self.files()[name]
        size = self._sized(file)
        return Source(
            file,
            root / name,
            size,
            lambda begin, end: self.read(name, begin, end),
            lambda: self._stream(name),
            lambda: self._version_of(self._info(name, fresh=True)) == file.version,
        )

    def _sized(self, file: RemoteFile) -> int | None:
        return file.size if file.size is not None else self._info(file.name).get("size")

    def _is_file(self) -> bool:
        if ends_as_file(self._path):
            return True
        try:
            return bool(again(lambda: self._system.info(self._path), self.shown).get("type") == "file")
        except InvalidArgumentError:
            if not again(lambda: self._system.exists(self._path), self.shown):
                raise
            return False

    def _found(self) -> Iterator[RemoteFile]:
        if self.inner:
            yield from self._beside()
            return
        listed = again(lambda: self._system.find(self._base, detail=True), self.shown)
        for info in listed.values():
            name = str(info["name"]).removeprefix(self._base).lstrip("/")
            if info.get("type") == "file" and name:
                yield self._file(name, info)

    def _beside(self) -> Iterator[RemoteFile]:
        """Yield the file that was named, its shards if it is an index, and what says more of it."""
        yield self._file(self.inner, self._info(self.inner))
        names: Iterable[str] = BESIDE_A_FILE
        if self.inner.endswith(".index.json"):
            names = (*shards_in(self._whole(self.inner)), *names)
        yield from self._existing(name for name in dict.fromkeys(names) if name != self.inner)

    def _existing(self, names: Iterable[str]) -> Iterator[RemoteFile]:
        """Yield those of some files that are there."""
        for name in names:
            try:
                yield self._file(name, self._info(name))
            except InvalidArgumentError:  # absent, or hidden from this user
                continue

    def _whole(self, name: str) -> bytes:
        """Return a small file before the list of files is known."""
        size = int(self._info(name).get("size") or 0)
        return read_range(lambda: self._open(name, size), 0, size, self._shown(name))

    def _file(self, name: str, info: Mapping[str, Any]) -> RemoteFile:
        size = info.get("size")
        return RemoteFile(name, None if size is None else int(size), self._version_of(info), md5=_md5_of(info))

    def _version_of(self, info: Mapping[str, Any]) -> str:
        for key in ("ETag", "etag", "generation", "Last-Modified", "LastModified", "mtime", "created"):
            if info.get(key):
                value = info[key]  # a list may have the seconds of a time, and a single answer the time itself
                return str(value.timestamp()) if isinstance(value, datetime) else str(value)
        return str(info.get("size"))

    def _info(self, name: str, fresh: bool = False) -> Mapping[str, Any]:
        if fresh:
            self._system.invalidate_cache()
        info: Mapping[str, Any] = again(lambda: self._system.info(self._place(name)), self._shown(name))
        return info

    def _open(self, name: str, size: int) -> Any:
        return self._system.open(self._place(name), "rb", cache_type="none", size=size)

    def _stream(self, name: str) -> Any:
        return self._system.open(self._place(name), "rb")

    def _place(self, name: str) -> str:
        return f"{self._base}/{name}" if self._base else name

    def _shown(self, name: str) -> str:
        if self.inner:
            return self.shown
        return f"{self.shown.rstrip('/')}/{name}"


def ends_as_file(path: str) -> bool:
    """Return whether a path has the ending of a file, see :data:`~posembed.checkpoint.remote.known.FILES`."""
    return path.lower().endswith(FILES)


def _md5_of(info: Mapping[str, Any]) -> str | None:
    """Return the MD5 that Google Cloud Storage states; an ETag of S3 is one only without encryption by key."""
    stated = info.get("md5Hash")
    if not isinstance(stated, str):
        return None
    try:
        found = base64.b64decode(stated, validate=True).hex()
    except (binascii.Error, ValueError):
        return None
    return found if _MD5.fullmatch(found) else None
