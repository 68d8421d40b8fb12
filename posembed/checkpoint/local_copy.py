"""A checkpoint's files on this machine: of one elsewhere, those that an extension copies and a model is loaded from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from posembed.checkpoint.source import (
    Checkpoint,
    CheckpointPath,
    address_of_missing,
    open_checkpoint,
    without_scheme,
)
from posembed.checkpoint.stale_files import stale_files
from posembed.observer import SILENT, Observer

if TYPE_CHECKING:
    from posembed.checkpoint.remote.shadow import Shadow


@dataclass(frozen=True)
class LocalCopy:
    """A checkpoint on this machine.

    Attributes:
        path: its directory or file.
        address: the name or address that it was downloaded from; ``None`` for a path that was given.
    """

    path: str | os.PathLike[str]
    address: str | None = None

    @property
    def shown(self) -> str:
        """What results call it: its address, else its path as it was given."""
        return os.fspath(self.path) if self.address is None else self.address

    def open(self) -> Checkpoint:
        """Open it."""
        opened = open_checkpoint(self.path)
        return opened if self.address is None else replace(opened, address=self.address)


def local_copy(path: CheckpointPath, observer: Observer = SILENT) -> LocalCopy:
    """Return a checkpoint on this machine: a path as it is, a name or address downloaded.

    Models of a hub are kept in the hub's own cache, other files in ``POSEMBED_CACHE``; what is there is not downloaded
    again, and what a killed run has left is completed. Left out is what an extension leaves out: the same weights in
    other formats, and the state of an optimizer.

    Args:
        path: as :func:`~posembed.checkpoint.source.open_checkpoint` takes it. A path is not opened here.
        observer: receives bytes as progress named ``"downloading"``.

    Raises:
        InvalidArgumentError: for an address with nothing there.
        WorkFailedError: if the server fails, content differs from what it states, or the disk is full.
        WorkInterruptedError: if the observer asked to stop; what was downloaded is kept.
    """
    if isinstance(path, Checkpoint):
        if path.shadow is None:
            return LocalCopy(path.root, path.address)
        return _downloaded(path.shadow, _needed(path, path.shadow), observer)
    address = address_of_missing(path)
    if address is None:
        return LocalCopy(without_scheme(path))
    from posembed.checkpoint.remote.faults import NoRangesError
    from posembed.checkpoint.remote.shadow import make_shadow, open_store

    try:
        checkpoint = open_checkpoint(path)
        return local_copy(checkpoint, observer)
    except NoRangesError:  # what is needed cannot be read from headers: everything is
        store = open_store(address)
        assert not isinstance(store, Path)
        shadow = make_shadow(store)
        try:
            names = [name for name in store.files() if not store.inner or name == store.inner or "/" not in name]
            return _downloaded(shadow, names, observer)
        finally:
            shadow.close()


def opened_copy(path: CheckpointPath, observer: Observer = SILENT) -> Checkpoint:
    """Open a checkpoint on this machine, see :func:`local_copy`."""
    if isinstance(path, Checkpoint) and path.shadow is None:
        return path
    return local_copy(path, observer).open()


def _downloaded(shadow: Shadow, names: list[str], observer: Observer) -> LocalCopy:
    store = shadow.store
    folder = store.download(names, observer)
    return LocalCopy(folder / store.inner if store.inner else folder, store.shown)


def _needed(checkpoint: Checkpoint, shadow: Shadow) -> list[str]:
    """Return the names of the files to download."""
    if checkpoint.root.is_dir():
        stale = {shadow.name(file) for file, _ in stale_files(checkpoint)}
        below = shadow.name(checkpoint.root)
        names = [name for name in shadow.files if name.startswith(f"{below}/" if below else "")]
        return [name for name in names if name not in stale]
    return list(dict.fromkeys(_beside(checkpoint, shadow)))


def _beside(checkpoint: Checkpoint, shadow: Shadow) -> Iterator[str]:
    """Yield a single file with those that say what is in it."""
    from posembed.checkpoint.remote.known import BESIDE_A_FILE

    yield shadow.name(checkpoint.root)
    yield from (shadow.name(file) for file in checkpoint.files)
    for name in BESIDE_A_FILE:
        file = checkpoint.directory / name
        if file.is_file():
            yield shadow.name(file)
