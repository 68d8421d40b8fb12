"""Open a checkpoint elsewhere as a folder of empty files whose bytes are fetched when they are read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint import partial
from posembed.checkpoint.partial import PartialFile
from posembed.checkpoint.remote.address import Address, HubAddress
from posembed.checkpoint.remote.store import Store
from posembed.checkpoint.weight_files import choose_weights, inside, transformer_directory
from posembed.errors import PosembedError, show_as

_AT_ONCE = 8
# The first request for a file takes its header too, where that is short: together at most half of the megabyte that an
# inspection may cost beside headers and tables.
_FIRST, _ALL_FIRST = 64 << 10, 512 << 10
_LONGEST = 16 << 20  # bytes of a header that is fetched ahead; a longer one is asked for by its reader's rules
_LENGTH = 8  # bytes with which a safetensors file begins: the length of its header


@dataclass(frozen=True)
class Shadow:
    """A folder that stands for a checkpoint elsewhere.

    Attributes:
        top: the folder.
        root: what was named: the folder, or a file or folder in it.
        shown: the address, without secrets.
        files: what stands for each file, by name.
        store: the checkpoint itself.
        close: removes the folder.
    """

    top: Path
    root: Path
    shown: str
    files: dict[str, PartialFile]
    store: Store
    close: Callable[[], None]

    def name(self, file: Path) -> str:
        """Return the name of a file or folder; of the folder itself, nothing."""
        inner = file.relative_to(self.top).as_posix()
        return "" if inner == "." else inner

    @property
    def fetched(self) -> int:
        """Bytes that were fetched so far."""
        return sum(file.fetched for file in self.files.values())


def open_store(address: Address) -> Store | Path:
    """Return the checkpoint at an address, or its path where it is on this machine.

    Raises:
        PosembedError: if it cannot be found or reached, or a package is missing.
    """
    if isinstance(address, HubAddress):
        from posembed.checkpoint.remote.hub import open_hub

        return open_hub(address)
    from posembed.checkpoint.remote.urls import open_url

    return open_url(address)


def make_shadow(store: Store) -> Shadow:
    """Make the folder; nothing is fetched but the list of files.

    Raises:
        CheckpointError: for a file whose name leads out of the checkpoint.
    """
    files = store.files()
    base = Path(tempfile.mkdtemp(prefix="posembed-")).resolve()
    top = base / "checkpoint"
    top.mkdir()

    def close() -> None:
        partial.forget(top)
        shutil.rmtree(base, ignore_errors=True)

    try:
        made: dict[str, PartialFile] = {}
        for number, name in enumerate(files):
            path = inside(top, name, Path(store.shown))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            made[name] = PartialFile(
                base / f"bytes-{number}",
                lambda name=name: store.size(name),  # type: ignore[misc]
                lambda begin, end, name=name: store.read(name, begin, end),  # type: ignore[misc]
            )
            partial.register(path, made[name])
    except BaseException:
        close()
        raise
    root = top / store.inner if store.inner else top
    # Messages name the address where they would name the folder.
    whole = store.shown.removesuffix(f"/{store.inner}") if store.inner else store.shown
    show_as(str(top), whole)
    return Shadow(top, root, store.shown, made, store, close)


def fetch_headers(root: Path) -> None:
    """Fetch the headers of all safetensors files that would be opened, several at a time.

    What cannot be right is left to the reader of the header.
    """
    try:
        directory = transformer_directory(root) if root.is_dir() else root.parent
        files = choose_weights(directory)[0] if root.is_dir() else (root,)
    except PosembedError:
        return
    shards = [found for file in files if file.suffix == ".safetensors" and (found := partial.partial_at(file))]
    first = min(_FIRST, _ALL_FIRST // max(len(shards), 1))

    def fetch(file: PartialFile) -> None:
        start = file.read(0, min(first, file.size))[:_LENGTH]
        length = int.from_bytes(start, "little")
        if _LENGTH + length <= min(file.size, _LONGEST):
            file.fetch(0, _LENGTH + length)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(fetch, shards))
