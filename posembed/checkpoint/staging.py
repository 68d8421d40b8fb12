"""Output that appears whole or not at all: filled under a hidden name beside the target, flushed, renamed.

A process killed midway leaves the hidden ``.NAME.partial-…`` behind; it is in nobody's way and may be deleted.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.disk import existing_ancestor, explain_os_error, require_space
from posembed.errors import InvalidArgumentError, WorkFailedError

__all__ = ["explain_os_error", "require_space", "staged_directory", "staged_file"]


@contextlib.contextmanager
def staged_directory(target: Path, *, source: Path, force: bool, needed: int = 0) -> Iterator[Path]:
    """Yield a hidden directory to fill, which becomes ``target`` when the block ends without an exception.

    Before it gets its name, every file and directory in it is flushed to the disk. On any exception, Ctrl-C included,
    it is removed, and parents of ``target`` that were made for it as well.

    Args:
        target: the directory to make; its missing parents are made too.
        source: what is read meanwhile, a file or directory; ``target`` must not touch it.
        force: replace an existing directory; it stays where it is until the new one is whole.
        needed: bytes that will be written; fewer free bytes are noticed before anything is.

    Raises:
        InvalidArgumentError: if ``target`` exists and ``force`` is not given, or it touches ``source``, or it is
            something that must not be replaced (a file, a symbolic link, the current directory or one above it).
        WorkFailedError: if it cannot be written (a full disk, for one); nothing is left behind.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with staged_directory(folder / "new", source=folder / "old", force=False) as partial:
        ...     _ = (partial / "config.json").write_text("{}")
        >>> [path.name for path in folder.rglob("*")]
        ['new', 'config.json']
    """
    target = checked_target(target, source, force)
    if os.path.lexists(target) and not target.is_dir():
        raise InvalidArgumentError(f"{target} is a file, but a directory is to be written: choose another path")
    with _staged(target, force, needed) as partial:
        partial.mkdir()
        yield partial


@contextlib.contextmanager
def staged_file(target: Path, *, source: Path, force: bool, needed: int = 0) -> Iterator[Path]:
    """Yield a hidden path to create, which becomes the file ``target`` when the block ends without an exception.

    As ``staged_directory``, for a single file.

    Raises:
        InvalidArgumentError: as ``staged_directory``; a directory is not replaced by a file either.
        WorkFailedError: if it cannot be written (a full disk, for one); nothing is left behind.
    """
    target = checked_target(target, source, force)
    if target.is_dir():
        raise InvalidArgumentError(f"{target} is a directory, but a file is to be written: name the file itself")
    with _staged(target, force, needed) as partial:
        yield partial


def checked_target(target: Path, source: Path, force: bool) -> Path:
    """The target's absolute path, if it may be written at all.

    Raises:
        InvalidArgumentError: as :func:`staged_directory`.
    """
    try:
        return _judged(target, source, force)
    except OSError as error:
        raise InvalidArgumentError(
            f"{error.filename or target} cannot be looked at ({error.strerror}): choose another path for {target}"
        ) from error


def _judged(target: Path, source: Path, force: bool) -> Path:
    given, target = target, Path(os.path.abspath(target))  # noqa: PTH100 - links in it are judged below, not followed
    if target.is_symlink():
        raise InvalidArgumentError(
            f"{given} is a symbolic link to {os.path.realpath(target)}: name that path itself, or choose another"
        )
    real = Path(os.path.realpath(target))
    origins = [source, *(source.iterdir() if source.is_dir() else ())]  # in a hub cache, links to files elsewhere
    for origin in (Path(os.path.realpath(origin)) for origin in origins):
        if origin == real or (origin.exists() and real.exists() and real.samefile(origin)):
            raise InvalidArgumentError(f"{given} is the source {source} itself: choose another path for the output")
        if real in origin.parents:
            raise InvalidArgumentError(
                f"{given} holds the source {origin}, which would be lost with it: choose another path for the output"
            )
    if Path(os.path.realpath(source)) in real.parents:
        raise InvalidArgumentError(f"{given} is inside the source {source}: choose a path outside of it")
    places = [Path(os.path.realpath(place)) for place in (".", os.path.expanduser("~"))]  # noqa: PTH111 - never raises
    if real.is_mount() or any(real == place or real in place.parents for place in places):
        raise InvalidArgumentError(
            f"{given} is {real}, the current or home directory, one above it, or a whole file system: "
            "name a new directory for the output"
        )
    if not (above := existing_ancestor(target.parent)).is_dir():
        raise InvalidArgumentError(f"{given} cannot be below {above}, which is a file: choose another path")
    _refuse_existing(target, force)
    return target


def _refuse_existing(target: Path, force: bool) -> None:
    if not force and os.path.lexists(target):
        raise InvalidArgumentError(f"{target} exists already: choose another path, or replace it with force=True")


@contextlib.contextmanager
def _staged(target: Path, force: bool, needed: int) -> Iterator[Path]:
    require_space(target.parent, needed)
    partial = _hidden(target, "partial")
    made: list[Path] = []
    try:
        _make_parents(target.parent, made)
        yield partial
        _flush(partial)
        _refuse_existing(target, force)
        if target.is_dir():
            _exchange(partial, target)
        else:
            partial.rename(target)  # replaces an old file in the same instant
        for folder in {target.parent, *(path.parent for path in made)}:
            _flush_one(folder)
    except BaseException as error:
        _remove(partial)
        if not os.path.lexists(target):
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # something else is in it by now
                    folder.rmdir()
        if isinstance(error, OSError):
            raise WorkFailedError(explain_os_error(error, target, needed or None)) from error
        raise


def _exchange(partial: Path, target: Path) -> None:
    """Put ``partial`` in the place of the old directory; the old one comes back if that fails."""
    aside = _hidden(target, "replaced")
    try:
        target.rename(aside)
        partial.rename(target)
        _flush_one(target.parent)  # the new one is safe before the old one goes
        shutil.rmtree(aside)
    except BaseException as error:
        if not aside.exists():
            raise
        if not target.exists():
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError) and aside.exists():
            raise WorkFailedError(
                f"{target} is written, but the old one, now {aside}, could not be deleted ({error}): delete it yourself"
            ) from error
        raise


def _hidden(target: Path, purpose: str) -> Path:
    return target.parent / f".{target.name[:50]}.{purpose}-{secrets.token_hex(4)}"  # no name may exceed 255 bytes


def _make_parents(folder: Path, made: list[Path]) -> None:
    """Make the missing ones; ``made`` grows with each, so that it is right whenever this stops."""
    for path in [path for path in reversed((folder, *folder.parents)) if not path.exists()]:
        path.mkdir()
        made.append(path)


def _flush(path: Path) -> None:
    """Flush a file, or a directory with all that is in it, to the disk."""
    if path.is_dir():
        for root, _, files in os.walk(path, onerror=_raise):
            for name in files:
                _flush_one(Path(root) / name)
            _flush_one(Path(root))
    else:
        _flush_one(path)


def _raise(error: OSError) -> None:
    raise error


def _flush_one(path: Path) -> None:
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return  # a link or a FIFO has nothing to flush
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(partial: Path) -> None:
    """Remove what was staged; a fault here must not hide the one that led to it."""
    shutil.rmtree(partial, ignore_errors=True)
    with contextlib.suppress(OSError):
        partial.unlink()
