"""Files of a web server, which may or may not list its folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from posembed.checkpoint.remote.faults import is_missing, refuse_request
from posembed.checkpoint.remote.files import UrlStore, ends_as_file
from posembed.checkpoint.remote.known import KNOWN, folders_in, shards_in
from posembed.checkpoint.remote.store import RemoteFile, again
from posembed.errors import InvalidArgumentError, PosembedError

_AT_ONCE = 8
_LARGEST_PAGE = 8 << 20  # bytes of a list of files; a larger page is something else
_DEEPEST = 3  # folders below one another: "onnx/", "1_Pooling/", and one more
_MOST_FILES = 5_000


class WebStore(UrlStore):
    """Files of a web server, which may or may not list its folders."""

    def _is_file(self) -> bool:
        parts = urlsplit(self._path)
        self._query = parts.query
        self._refusal: PosembedError | None = None
        self._path = urlunsplit(parts._replace(path=parts.path.rstrip("/"), query="", fragment=""))
        if ends_as_file(parts.path):
            return True
        return bool(parts.query) or (not parts.path.endswith("/") and self._serves_weights())

    def _serves_weights(self) -> bool:
        """Return whether an address without a file's ending is a file all the same."""
        try:
            info = self._system.info(self._path)
        except FileNotFoundError as error:
            if not is_missing(error) and not _is_page_only(error):
                raise refuse_request(self.shown, error) from None
            return False
        return bool(info.get("mimetype") == "application/octet-stream")

    def _found(self) -> Iterator[RemoteFile]:
        if self.inner:
            yield from self._beside()
            return
        listed = list(self._listed("", _DEEPEST))
        if any(ends_as_file(name) for name in listed):
            yield from self._existing(listed)
            return
        found = {file.name: file for file in self._existing(KNOWN)}
        if not found and self._refusal is not None:
            raise self._refusal
        if not found:
            raise InvalidArgumentError(
                f"checkpoint={self.shown!r}: nothing there is a checkpoint (looked for {', '.join(KNOWN[7:9])}, "
                "config.json and the like): check the address, or name the file"
            )
        yield from found.values()
        for name in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
            if name in found:
                yield from self._existing(shards_in(self._whole(name)))
        if "modules.json" in found:
            for folder in folders_in(self._whole("modules.json")):
                yield from self._existing(f"{folder}/{name}" for name in KNOWN)

    def _existing(self, names: Iterable[str]) -> Iterator[RemoteFile]:
        """Yield those of some files that the server has."""

        def asked(name: str) -> RemoteFile | None:
            try:
                info = again(lambda: self._system.info(self._place(name)), self._shown(name))
            except InvalidArgumentError as error:  # a bucket refuses what it does not have, so others may be there
                if "does not exist" not in str(error):
                    self._refusal = error
                return None
            # A server that answers every address with a page of its own has no such file.
            return None if info.get("mimetype") == "text/html" else self._file(name, info)

        wanted = [name for name in names if name]
        if wanted:
            first = asked(wanted[0])  # a server that cannot be reached is asked once, not eight times
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                yield from (file for file in (first, *pool.map(asked, wanted[1:])) if file is not None)

    def _listed(self, folder: str, depth: int) -> Iterator[str]:
        """Yield the names on the page that lists a folder, if there is one."""
        page = f"{self._base}/{folder}"
        try:
            info = self._system.info(page)
            if info.get("mimetype") != "text/html" or (info.get("size") or 0) > _LARGEST_PAGE:
                return
            links = self._system.ls(page, detail=False)
        except FileNotFoundError as error:
            if is_missing(error) or _is_page_only(error):
                return
            raise refuse_request(self.shown, error) from None
        except Exception as error:
            raise refuse_request(self.shown, error) from None
        for link in sorted(links)[:_MOST_FILES]:
            inner = unquote(str(link).removeprefix(self._base).lstrip("/"))
            if not inner.startswith(folder) or "?" in inner or "#" in inner or inner.rstrip("/") == folder.rstrip("/"):
                continue
            if inner.endswith("/"):
                if depth and not inner.startswith("."):
                    yield from self._listed(inner, depth - 1)
            elif "/" not in inner.removeprefix(folder):
                yield inner

    def _open(self, name: str, size: int) -> Any:
        return self._system.open(self._place(name), "rb", cache_type="none", size=size, block_size=1 << 20)

    def _stream(self, name: str) -> Any:
        return self._system.open(self._place(name), "rb", block_size=0)

    def _place(self, name: str) -> str:
        place = super()._place(name)
        return f"{place}?{self._query}" if self._query else place


def _is_page_only(error: BaseException) -> bool:
    """Return whether a server refuses to list a folder, which says nothing of the files in it."""
    return getattr(error.__cause__, "status", None) in (400, 401, 403, 405, 501)
