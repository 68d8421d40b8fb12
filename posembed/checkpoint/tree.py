"""Everything that lies in a checkpoint's directory: nothing is passed over, whatever cannot be read is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.json_object import reason_of
from posembed.errors import CheckpointError

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
Facts = tuple[int, int, int, int]  # device, inode, size, time of the last change in nanoseconds


@dataclass(frozen=True)
class Tree:
    """A directory as it was when it was listed.

    Attributes:
        root: the directory.
        folders: every folder below it, each before what it holds.
        files: every file, links to files among them.
        facts: what tells a file from a later version of it.
    """

    root: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    facts: dict[Path, Facts]

    def links_out(self) -> Iterator[tuple[Path, Path]]:
        """Yield the links that lead out of the directory, with the file that each leads to.

        Those of a hub cache are not among them: there, a snapshot consists of links to the blobs beside it.
        """
        root = Path(os.path.realpath(self.root))
        for file in self.files:
            real = Path(os.path.realpath(file))
            if not real.is_relative_to(root) and not _is_blob_of(real, root):
                yield file, real

    def require_unchanged(self) -> None:
        """Refuse a directory in which something has changed since it was listed.

        Raises:
            CheckpointError: with the name of what has changed.
        """
        now = read_tree(self.root)
        changed = sorted({*self.folders} ^ {*now.folders} | {f for f, _ in self.facts.items() ^ now.facts.items()})
        if changed:
            raise CheckpointError(changed_meanwhile(changed[0]))


def read_tree(root: Path) -> Tree:
    """List a directory and all that is in it.

    Raises:
        CheckpointError: for a folder that cannot be listed, a link to a directory (it may lead out of the checkpoint,
            or in a circle), a link that leads nowhere, and whatever is neither a file nor a folder.
    """
    folders: list[Path] = []
    files: dict[Path, Facts] = {}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        below = []
        for path in listed(folder):
            facts = _stat(path)
            if stat.S_ISDIR(facts.st_mode):
                below.append(path)
            else:
                files[path] = _identifying(facts)
        folders += below
        waiting += reversed(below)
    return Tree(root, tuple(folders), tuple(files), files)


def listed(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted.

    Raises:
        CheckpointError: if it cannot be listed.
    """
    try:
        return sorted(folder / name for name in os.listdir(folder))  # noqa: PTH208 - `iterdir` may pass errors over
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder} cannot be listed ({reason_of(error)}): make it readable, or remove it"
        ) from error


def facts_of(file: Path) -> Facts:
    """Return what tells a file from a later version of it.

    Raises:
        CheckpointError: if it is no longer there, or not a file.
    """
    return _identifying(_stat(file))


def changed_meanwhile(path: Path) -> str:
    """Return the message about a file or folder that is not what it was when the work began."""
    return f"{path} changed while the checkpoint was copied: wait until nothing writes to it, then start again"


def _identifying(facts: os.stat_result) -> Facts:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _stat(path: Path) -> os.stat_result:
    try:
        is_link = stat.S_ISLNK(path.lstat().st_mode)
        facts = path.stat()
    except FileNotFoundError as error:
        if not path.is_symlink():
            raise CheckpointError(changed_meanwhile(path)) from error
        raise CheckpointError(
            f"{path} is a symbolic link to a file that does not exist ({os.path.realpath(path)}): fetch that file, or "
            "remove the link"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({reason_of(error)}): make it readable, or remove it") from error
    if stat.S_ISDIR(facts.st_mode) and is_link:
        raise CheckpointError(
            f"{path} is a symbolic link to a directory, which is not followed: replace it by the directory, or remove "
            "it"
        )
    if not stat.S_ISDIR(facts.st_mode) and not stat.S_ISREG(facts.st_mode):
        kind = _KINDS.get(stat.S_IFMT(facts.st_mode), "something else")
        raise CheckpointError(f"{path} is not a file but {kind}, which cannot be copied: remove it")
    return facts


def _is_blob_of(real: Path, root: Path) -> bool:
    """Return whether it is a blob of the hub cache that ``root`` is a snapshot of (or a folder of one)."""
    store = real.parent
    return store.name == "blobs" and root.is_relative_to(store.parent / "snapshots")
