"""Write a directory or a checkpoint file that appears whole or not at all: under a hidden name first, then renamed.

A process that is killed midway leaves the hidden ``.NAME.partial-…`` behind; it does no harm and may be deleted.
Reports and results, which are small and replaced without asking, are written by :mod:`posembed.files`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.disk import existing_ancestor, explain_os_error, require_space
from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.files import flush

__all__ = ["explain_os_error", "require_space", "staged_directory", "staged_file"]


@contextlib.contextmanager
def staged_directory(target: Path, *, source: Path, force: bool, needed: int = 0) -> Iterator[Path]:
    """Yield a hidden directory to fill, which becomes ``target`` when the block ends without an exception.

    Before it gets its name, every file and directory in it is flushed to the disk. On any exception, Ctrl-C included,
    it is removed, along with the parents of ``target`` that were created for it.

    Args:
        target: the directory to create; missing parents are created too.
        source: the file or directory that is read meanwhile; ``target`` must not overlap it.
        force: replace an existing directory; it stays where it is until the new one is complete.
        needed: bytes that will be written; if fewer are free, the call fails before it writes.

    Raises:
        InvalidArgumentError: if ``target`` exists and ``force`` is not given, it overlaps ``source``, or it is
            something that must not be replaced (a file, a symbolic link, the current directory or one above it).
        WorkFailedError: if it cannot be written, for example because the disk is full; nothing is left behind.

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

    Like :func:`staged_directory`, for a single file.

    Raises:
        InvalidArgumentError: as for ``staged_directory``, and if ``target`` is a directory.
        WorkFailedError: if it cannot be written, for example because the disk is full; nothing is left behind.
    """
    target = checked_target(target, source, force)
    if target.is_dir():
        raise InvalidArgumentError(f"{target} is a directory, but a file is to be written: name the file itself")
    with _staged(target, force, needed) as partial:
        yield partial


def checked_target(target: Path, source: Path, force: bool) -> Path:
    """Return the target's absolute path if it may be written at all.

    Raises:
        InvalidArgumentError: as for :func:`staged_directory`.
    """
    try:
        return _judged(target, source, force)
    except OSError as error:
        raise InvalidArgumentError(
            f"{error.filename or target} cannot be inspected ({error.strerror}): choose another path for {target}"
        ) from error


def _judged(target: Path, source: Path, force: bool) -> Path:
    given, target = target, Path(os.path.abspath(target))  # noqa: PTH100 - links are checked below, not followed
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
        _flush_all(partial)
        _refuse_existing(target, force)
        if target.is_dir():
            _exchange(partial, target)
        else:
            partial.rename(target)  # replaces an old file in the same instant
        for folder in {target.parent, *(path.parent for path in made)}:
            flush(folder)
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
        flush(target.parent)  # the new one is safe before the old one goes
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
    """Create missing folders; ``made`` grows with each, so that it is right whenever this stops."""
    for path in [path for path in reversed((folder, *folder.parents)) if not path.exists()]:
        path.mkdir()
        made.append(path)


def _flush_all(path: Path) -> None:
    """Flush a file, or a directory with all that is in it, to the disk."""
    if path.is_dir():
        for root, _, files in os.walk(path, onerror=_raise):
            for name in files:
                flush(Path(root) / name)
            flush(Path(root))
    else:
        flush(path)


def _raise(error: OSError) -> None:
    raise error


def _remove(partial: Path) -> None:
    """Remove what was staged; an error here must not hide the one that led to it."""
    shutil.rmtree(partial, ignore_errors=True)
    with contextlib.suppress(OSError):
        partial.unlink()
