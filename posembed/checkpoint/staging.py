"""Write a directory or a checkpoint file that appears whole or not at all: under a hidden name first, then renamed.

A process that is killed midway leaves the hidden ``.NAME.partial-…``; the next run on the same target removes it.
Reports and results, which are small and replaced without asking, are written by :mod:`posembed.files`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.disk import existing_ancestor, explain_os_error, require_space
from posembed.checkpoint.renames import CannotExchangeError, exchange, rename_new
from posembed.checkpoint.replaceable import require_replaceable
from posembed.checkpoint.tree import read_tree
from posembed.errors import InvalidArgumentError, ModelCheckError, WorkFailedError
from posembed.files import DONE, LOCK, OLD, flush, hidden_beside, missing_parents, remove_leftovers

__all__ = ["checked_target", "explain_os_error", "require_space", "staged_directory", "staged_file"]

# What a path can be to blame for; other errors are those of the disk.
_OF_A_PATH = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.EACCES, errno.EPERM})
_NOTHING = "nothing was left behind"
Identity = tuple[int, int] | None  # device and inode of what a name leads to


@contextlib.contextmanager
def staged_directory(target: Path, *, source: Path, force: bool, needed: int = 0) -> Iterator[Path]:
    """Yield a hidden directory to fill, which becomes ``target`` when the block ends without an exception.

    Before it gets its name, every file and directory in it is flushed to the disk, and it gets the permission bits of
    ``source``; until then it is the owner's alone. On any exception, Ctrl-C included, it is removed, along with the
    parents of ``target`` that were created for it.

    Args:
        target: the directory to create; missing parents are created too.
        source: the file or directory that is read meanwhile; ``target`` must not overlap it.
        force: replace an empty directory, or one that holds a checkpoint and nothing else; it stays where it is until
            the new one is complete, and changes places with it in one instant where the system can do that.
        needed: bytes that will be written; if fewer are free, the call fails before it writes.

    Raises:
        InvalidArgumentError: if ``target`` exists and ``force`` is not given, it overlaps ``source``, or it is
            something that must not be replaced (a directory with files that no checkpoint consists of, a file, a
            symbolic link, the current directory or one above it).
        CheckpointError: if something in ``source`` cannot be read.
        WorkFailedError: if it cannot be written, for example because the disk is full; the message says what is left.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with staged_directory(folder / "new", source=folder / "old", force=False) as partial:
        ...     _ = (partial / "config.json").write_text("{}")
        >>> [path.name for path in folder.rglob("*")]
        ['new', 'config.json']
    """
    target = checked_target(target, source, force, directory=True)
    with _staged(target, source, force, needed) as partial:
        partial.mkdir()
        mode = stat.S_IMODE((source if source.is_dir() else partial).stat().st_mode)
        partial.chmod(stat.S_IRWXU)
        yield partial
        partial.chmod(mode)


@contextlib.contextmanager
def staged_file(target: Path, *, source: Path, force: bool, needed: int = 0) -> Iterator[Path]:
    """Yield a hidden path to create, which becomes the file ``target`` when the block ends without an exception.

    Like :func:`staged_directory`, for a single file.

    Raises:
        InvalidArgumentError: as for ``staged_directory``, and if ``target`` is a directory.
        WorkFailedError: if it cannot be written, for example because the disk is full; the message says what is left.
    """
    target = checked_target(target, source, force, directory=False)
    with _staged(target, source, force, needed) as partial:
        yield partial


def checked_target(target: Path, source: Path, force: bool, *, directory: bool | None = None) -> Path:
    """Return the target's absolute path if it may be written at all.

    What killed runs left beside it is removed; an old directory that one had set aside is put back.

    Args:
        target: the path to write.
        source: what is read.
        force: whether a checkpoint at ``target`` may be replaced.
        directory: whether a directory is to be written; by default, if ``source`` is one.

    Raises:
        InvalidArgumentError: as for :func:`staged_directory`.
        CheckpointError: if something in ``source`` cannot be read.
        WorkFailedError: if the disk fails.
    """
    try:
        return _judged(target, source, force, source.is_dir() if directory is None else directory)
    except OSError as error:
        file = error.filename or target
        if error.errno in _OF_A_PATH:
            raise InvalidArgumentError(
                f"{file} cannot be inspected ({error.strerror}): choose another path for {target}"
            ) from error
        raise WorkFailedError(
            f"{file} cannot be read ({error.strerror}): check the disk, or choose another path for {target}"
        ) from error


def _judged(target: Path, source: Path, force: bool, directory: bool) -> Path:
    given, target = target, Path(os.path.abspath(target))  # noqa: PTH100 - links are checked below, not followed
    if target.is_symlink():
        raise InvalidArgumentError(
            f"{given} is a symbolic link to {os.path.realpath(target)}: name that path itself, or choose another"
        )
    real = Path(os.path.realpath(target))
    for origin in _origins(source):
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
    remove_leftovers(target)
    if os.path.lexists(target):
        if not force:
            raise InvalidArgumentError(_exists(target))
        if directory and not target.is_dir():
            raise InvalidArgumentError(f"{target} is a file, but a directory is to be written: choose another path")
        if not directory and target.is_dir():
            raise InvalidArgumentError(f"{target} is a directory, but a file is to be written: name the file itself")
        require_replaceable(target, source)
    return target


def _origins(source: Path) -> Iterator[Path]:
    """Yield where the content of a checkpoint really lies: in a hub cache, its files are links to elsewhere."""
    yield Path(os.path.realpath(source))
    if source.is_dir():
        yield from dict.fromkeys(Path(os.path.realpath(file)) for file in read_tree(source).files)


def _exists(target: Path) -> str:
    return f"{target} exists already: choose another path, or replace it with force=True"


@contextlib.contextmanager
def _staged(target: Path, source: Path, force: bool, needed: int) -> Iterator[Path]:
    require_space(target.parent, needed)
    before, new = _identity(target), None
    partial, made = target, list[Path]()  # until there is a hidden name
    try:
        with missing_parents(target) as made, hidden_beside(target) as partial:
            yield partial
            _flush_all(partial)
            new = _identity(partial)
            _put_in_place(partial, target, source, force)
            for folder in {target.parent, *(path.parent for path in made)}:
                flush(folder)
    except (OSError, WorkFailedError) as error:
        # The caller knows no hidden name: the message speaks of the target.
        why = explain_os_error(error, target, needed or None) if isinstance(error, OSError) else str(error)
        left = _what_is_left(target, partial, before, new)
        if left == _NOTHING and any(folder.exists() for folder in made):
            left = f"only the empty folder {made[0]} was left behind"
        said = f"{why.replace(str(partial), str(target))}; {left}"
        raise (
            ModelCheckError(said, error.checked) if isinstance(error, ModelCheckError) else WorkFailedError(said)
        ) from error
    hidden = _hidden(partial)
    if hidden is not None and hidden.is_dir():  # an empty lock is not worth a failure
        raise WorkFailedError(
            f"{target} is complete, but the old one, now {hidden}, could not be deleted: the next run on this target "
            "tries again"
        )


def _put_in_place(partial: Path, target: Path, source: Path, force: bool) -> None:
    """Give the new content its name; what has it now is replaced, if it may be."""
    try:
        return rename_new(partial, target)
    except FileExistsError:
        if not force:
            raise InvalidArgumentError(_exists(target)) from None
    require_replaceable(target, source)  # as it is now, after the work
    if target.is_dir():
        _exchange(partial, target)
    else:
        partial.replace(target)
    return flush(target.parent)  # the new one is safe before the old one goes


def _exchange(partial: Path, target: Path) -> None:
    """Let the new directory and the old one change places: what has the hidden name is removed afterwards."""
    with contextlib.suppress(CannotExchangeError):
        return exchange(partial, target)
    new = _identity(partial)
    old, done = partial.with_name(partial.name + OLD), partial.with_name(partial.name + DONE)
    try:
        target.rename(old)  # if this process is killed before the next line has run, the next run puts it back
        partial.rename(target)
    finally:
        if _identity(target) == new:
            old.rename(done)
        elif os.path.lexists(old) and not os.path.lexists(target):
            old.rename(target)
    return None


def _what_is_left(target: Path, partial: Path, before: Identity, new: Identity) -> str:
    """Return what a failed work has left, as the disk shows it now."""
    now, old = _identity(target), partial.with_name(partial.name + OLD)
    if now is None and os.path.lexists(old):
        return f"the old one lies in {old}, and the next run on this target puts it back"
    hidden = None if partial == target else _hidden(partial)
    rest = f", and the next run on this target removes {hidden}" if hidden is not None else ""
    if now is not None and now == new:
        return f"{target} is in its place and complete, but may not outlast a power failure{rest}"
    if now is not None:
        return f"{target} is {'unchanged' if now == before else 'what another process wrote'}{rest}"
    return f"nothing was written{rest}" if rest else _NOTHING


def _hidden(partial: Path) -> Path | None:
    """Return what could not be removed."""
    names = (partial.with_name(partial.name + ending) for ending in ("", DONE, LOCK))
    return next((path for path in names if os.path.lexists(path)), None)


def _identity(path: Path) -> Identity:
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


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
