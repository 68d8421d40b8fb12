"""Models of a hub, by huggingface_hub: its cache first, then the hub itself."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from posembed._version import __version__
from posembed.checkpoint.remote.address import Address, HubAddress
from posembed.checkpoint.remote.download import Source, fetch_files
from posembed.checkpoint.remote.faults import may_pass, refuse_hub_request, refuse_request, status_of
from posembed.checkpoint.remote.store import PIECE, RemoteFile, read_range, refuse_content
from posembed.errors import InvalidArgumentError, PosembedError, require_package
from posembed.files import write_whole
from posembed.observer import LOGGER, Observer

_BLOB = re.compile(r"\w[\w.-]*")
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


class _Place(NamedTuple):
    """Where a file's bytes are, what to send there, how many they are, and the name of its blob in the hub's cache."""

    url: str
    headers: dict[str, str]
    size: int
    etag: str


def open_hub(address: HubAddress) -> HubStore | Path:
    """Return a model of the hub: its folder in the local cache if the hub is not asked, else the store.

    As in Transformers, offline mode, a hub that cannot be reached and a commit that is in the cache are answered by
    the cache.

    Raises:
        MissingExtraError: if huggingface_hub or what reads ranges is not installed.
        InvalidArgumentError: for a model, revision or file that is missing, private or gated.
        WorkFailedError: if the hub cannot be reached, and the cache does not have the model.
    """
    if address.is_name and importlib.util.find_spec("huggingface_hub") is None:
        raise InvalidArgumentError(
            f"checkpoint={address.shown!r} does not exist on this machine; to look for a model of that name, "
            'run  pip install "posembed[hub]"'
        )
    require_package("huggingface_hub", "hub", "reading a model of the hub")
    from huggingface_hub import HfApi, constants

    if address.is_commit or constants.HF_HUB_OFFLINE:
        folder = _cached(address)
        if folder is not None and (constants.HF_HUB_OFFLINE or _has_weights(folder / address.inner)):
            return _inner(folder, address)
    for module in ("fsspec", "aiohttp"):
        require_package(module, "hub", "reading a model of the hub")
    api = HfApi(library_name="posembed", library_version=__version__)
    try:
        info = api.model_info(address.repo, revision=address.revision or "main", files_metadata=True)
    except Exception as error:  # whatever its HTTP library raises
        folder = _cached(address) if status_of(error) not in (401, 403, 404) else None
        if folder is None:
            raise refuse_hub_request(address, api.endpoint, error) from None
        LOGGER.warning("%s", f"{refuse_hub_request(address, api.endpoint, error)}; its copy in the hub's cache is used")
        return _inner(folder, address)
    return HubStore(address, api, info)


class HubStore:
    """One state of a model's files on a hub.

    Args:
        address: the model.
        api: huggingface_hub's client.
        info: what it says of the model, with the commit and the files.
    """

    def __init__(self, address: HubAddress, api: Any, info: Any) -> None:
        self._address, self._api = replace(address, is_name=False), api  # it is no mistyped path
        self._commit = str(info.sha)
        self.inner = address.inner
        self.shown = HubAddress(address.repo, self._commit, address.inner).shown
        self._files = {file.name: file for file in self._listed(info)}
        self._places: dict[str, _Place] = {}
        self._system: Any = None
        inner = self.inner
        if inner and inner not in self._files and not any(name.startswith(f"{inner}/") for name in self._files):
            raise InvalidArgumentError(f"checkpoint={self.shown!r}: {address.repo} has no file or folder {inner!r}")

    def files(self) -> Mapping[str, RemoteFile]:
        """Return the files by name."""
        return self._files

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        known = self._files[name].size
        return self._located(name).size if known is None else known

    def read(self, name: str, begin: int, end: int) -> bytes:
        """Return bytes of a file, from the cache if it has it."""
        cached = self._files[name].cached
        if cached is not None:
            with cached.open("rb") as file:
                file.seek(begin)
                return file.read(end - begin)
        place, system = self._located(name), self._web()

        def opened() -> Any:
            return system.open(
                place.url, "rb", cache_type="none", size=place.size, block_size=1 << 20, headers=place.headers
            )

        return read_range(opened, begin, end, self._file_shown(name))

    def download(self, names: Collection[str], observer: Observer) -> Path:
        """Put files into the hub's own cache, and return the folder of this commit there.

        Large files are collected beside the cache's blobs, which a killed run leaves for the next one.
        """
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=self._address.repo, repo_type="model")
        wanted = [name for name in names if self._files[name].cached is None]
        large = [source for name in wanted if (source := self._source(name, folder / "blobs")) is not None]
        fetch_files(large, folder, self.shown, observer)
        for name in wanted:
            self._register(name)
        self._remember(folder)
        return folder / "snapshots" / self._commit

    def _remember(self, folder: Path) -> None:
        """Enter into the cache which commit the revision is, as its layout has it: offline, it is found by that."""
        if self._address.is_commit:
            return
        ref = folder / "refs" / (self._address.revision or "main")
        if not ref.is_file() or ref.read_text() != self._commit:
            write_whole(ref, lambda file: file.write_text(self._commit), parents=True)

    def _register(self, name: str) -> None:
        """Let huggingface_hub enter a file into its cache, and download it if it is small."""
        from huggingface_hub import hf_hub_download

        try:
            path = Path(
                hf_hub_download(
                    self._address.repo,
                    name,
                    revision=self._commit,
                    endpoint=self._api.endpoint,
                    tqdm_class=_quiet_bar(),
                )
            )
        except Exception as error:  # whatever its HTTP library raises
            raise refuse_hub_request(self._address, self._api.endpoint, error) from None
        stated = self._files[name].git_sha1
        if stated is not None and _SHA1.fullmatch(path.resolve().name) and path.resolve().name == stated:
            data = path.read_bytes()
            if hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest() != stated:
                path.resolve().unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                raise refuse_content(self.shown, name)

    def _source(self, name: str, blobs: Path) -> Source | None:
        """Return a large file as what is downloaded in pieces; ``None`` for a small one."""
        file = self._files[name]
        if file.sha256 is None and file.size is not None and file.size <= PIECE:
            return None
        place = self._located(name)
        if place.size <= PIECE or _BLOB.fullmatch(place.etag) is None:
            return None
        return Source(
            replace(file, sha256=place.etag if _SHA256.fullmatch(place.etag) else None),
            blobs / place.etag,
            place.size,
            lambda begin, end: self.read(name, begin, end),
            lambda: self._web().open(place.url, "rb", block_size=0, headers=place.headers),
            lambda: True,  # a commit does not change
        )

    def _located(self, name: str) -> _Place:
        """Return where a file's bytes are."""
        if name not in self._places:
            from huggingface_hub import get_hf_file_metadata, hf_hub_url
            from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

            url = hf_hub_url(self._address.repo, name, revision=self._commit, endpoint=self._api.endpoint)
            try:
                found = _asked(lambda: get_hf_file_metadata(url, endpoint=self._api.endpoint))
            except Exception as error:
                raise refuse_hub_request(self._address, self._api.endpoint, error) from None
            if found.size is None:
                raise refuse_request(self._file_shown(name), ValueError("its server does not say how large it is"))
            # The token is for the hub alone, not for the store of large files that it may lead to.
            same = urlsplit(found.location).netloc == urlsplit(self._api.endpoint).netloc
            headers = {key: value for key, value in build_hf_headers().items() if key == "authorization" and same}
            headers["Accept-Encoding"] = "identity"
            self._places[name] = _Place(found.location, headers, found.size, found.etag or "")
        return self._places[name]

    def _web(self) -> Any:
        if self._system is None:
            from fsspec.implementations.http import HTTPFileSystem

            # The address of a large file is signed: it stays as it is.
            self._system = HTTPFileSystem(
                encoded=True, client_kwargs={"trust_env": True}, skip_instance_cache=True, use_listings_cache=False
            )
        return self._system

    def _file_shown(self, name: str) -> str:
        return HubAddress(self._address.repo, self._commit, name).shown

    def _listed(self, info: Any) -> Iterator[RemoteFile]:
        from huggingface_hub import try_to_load_from_cache

        siblings = info.siblings
        if siblings is None:
            siblings = _asked(
                lambda: list(self._api.list_repo_tree(self._address.repo, revision=self._commit, recursive=True))
            )
        for each in siblings:
            name = str(getattr(each, "rfilename", None) or each.path)
            lfs = getattr(each, "lfs", None)
            sha256 = None if lfs is None else getattr(lfs, "sha256", None)
            blob = getattr(each, "blob_id", None)
            found = try_to_load_from_cache(self._address.repo, name, revision=self._commit)
            yield RemoteFile(
                name,
                getattr(each, "size", None),
                self._commit,
                sha256,
                blob if lfs is None and isinstance(blob, str) and _SHA1.fullmatch(blob) else None,
                cached=Path(found) if isinstance(found, str) else None,
            )


def _asked(ask: Any) -> Any:
    """Return what a request to the hub gives; one that a busy hub refused is sent once more."""
    try:
        return ask()
    except Exception as error:
        if not may_pass(error):
            raise
        return ask()


def cached_shown(address: Address, place: Path) -> str:
    """Return the address of what lies in the hub's cache, with the commit that the cache's folder is named after."""
    if isinstance(address, HubAddress) and (commit := re.search(r".*/snapshots/(\w+)(?:/|$)", place.as_posix())):
        address = replace(address, revision=commit[1], is_name=False)
    return address.shown


def _cached(address: HubAddress) -> Path | None:
    """Return the folder of a model's revision in the hub's cache."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(address.repo, revision=address.revision, local_files_only=True))
    except Exception as error:  # a part of a model is in the cache all the same
        found = getattr(error, "snapshot_path", None)
        return None if found is None else Path(found)


def _inner(folder: Path, address: HubAddress) -> Path:
    place = folder / address.inner if address.inner else folder
    if not os.path.lexists(place):
        raise InvalidArgumentError(f"checkpoint={address.shown!r}: the hub's cache has no {address.inner!r} of it")
    return place


def _has_weights(place: Path) -> bool:
    from posembed.checkpoint.weight_files import choose_weights, transformer_directory

    if place.is_file():
        return True
    try:
        return bool(choose_weights(transformer_directory(place))[0])
    except (PosembedError, OSError):
        return False


def _quiet_bar() -> Any:
    from tqdm.auto import tqdm

    class Quiet(tqdm):  # type: ignore[misc]
        """A bar that shows nothing: small files come one by one."""

        def __init__(self, *args: Any, **keywords: Any) -> None:
            keywords.pop("name", None)
            super().__init__(*args, **{**keywords, "disable": True})

    return Quiet
