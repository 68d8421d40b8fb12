"""Write files that are complete or absent, under a hidden name that a lock protects; flush, list and remove.

While ``NAME`` is written, ``.NAME.partial-XXXXXXXX`` beside it holds the new content, and a lock on
``.NAME.partial-XXXXXXXX.lock`` says that its process lives. The lock goes with the process, however it ends: what a
killed one leaves can be told from what a live one writes, and the next run on the same name removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from posembed.errors import ArgumentTypeError, InvalidArgumentError, os_reason
from posembed.locks import is_still, lock_of_dead, locked
from posembed.observer import LOGGER

OLD, LOCK, DONE = ".old", ".lock", ".done"
"""Endings of what lies beside a hidden ``.NAME.partial-XXXXXXXX``: the old content, set aside; the lock; old content
that the new one has replaced and that may go."""
_ENDINGS = r"(?:\.old|\.lock|\.done)?"
_HIDDEN = re.compile(rf"(\..+\.partial-[0-9a-f]{{8}}){_ENDINGS}", re.DOTALL)
_ATTEMPTS = 2  # a disk that refuses once, as one on a network may, is asked again; one that refuses twice is broken
_SHOWN = 50  # characters of a name that its hidden one repeats: no name may exceed 255 bytes, and four can be one


def path_of(name: str, value: object) -> Path:
    """Return an argument as a path.

    Args:
        name: of the argument, for the message.
        value: text or a path; not an empty text, which would be the current directory.

    Raises:
        ArgumentTypeError: for a value that is neither text nor a path.
        InvalidArgumentError: for an empty text.

    Example:
        >>> path_of("out", "runs/first").name
        'first'
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise ArgumentTypeError(f"{name}={value!r} must be a path")
    if not text:
        raise InvalidArgumentError(f"{name}='' must be a path, not empty")
    return value if isinstance(value, Path) else Path(text)


def write_whole(path: Path, write: Callable[[Path], object], *, parents: bool = False) -> None:
    """Let ``write`` fill a hidden file beside ``path``, flush it to the disk and rename it to ``path``.

    What killed runs left beside ``path`` is removed first. A file that is replaced keeps its permission bits.

    Args:
        path: the file; an existing one is replaced in an instant.
        write: called with the hidden file's path.
        parents: create missing folders.

    Raises:
        OSError: if the folder does not exist, or the disk refuses; ``path`` is as it was, unless the last flush fails.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_whole(folder / "report.txt", lambda file: file.write_text("done"))
        >>> [file.name for file in folder.iterdir()]
        ['report.txt']
    """
    with contextlib.ExitStack() as stack:
        if parents:
            stack.enter_context(missing_parents(path))
        remove_leftovers(path)
        partial = stack.enter_context(hidden_beside(path))
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        private = 0o666 if mode is None else mode | stat.S_IRUSR | stat.S_IWUSR
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, private))
        usual = stat.S_IMODE(partial.stat().st_mode)
        write(partial)
        # A library may put a file of its own in place of ours: safetensors 0.8 leaves one that is its owner's alone.
        partial.chmod(usual if mode is None else mode)
        flush(partial)
        partial.replace(path)
        flush(path.parent)


@contextlib.contextmanager
def missing_parents(path: Path) -> Iterator[list[Path]]:
    """Create the missing folders above ``path``; after an exception, those that are empty are removed again.

    Yields:
        The folders that were created, topmost first.

    Raises:
        OSError: if one cannot be created.
    """
    made: list[Path] = []
    try:
        for folder in [folder for folder in reversed(path.parents) if not folder.exists()]:
            with contextlib.suppress(FileExistsError):  # another process was faster: it is not ours to remove
                folder.mkdir()
                made.append(folder)
        yield made
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # something is in it
                folder.rmdir()
        raise


@contextlib.contextmanager
def hidden_beside(path: Path) -> Iterator[Path]:
    """Yield a free hidden path beside ``path``, which is this process's own until the block ends.

    Whatever lies there when the block ends is removed. Where that fails twice, the next run on ``path`` removes it: a
    lock that stays is not held, so it stops nobody, and a warning in the log names it.

    Raises:
        OSError: if nothing can be created beside ``path``.
    """
    partial, held = _claimed(path)
    ended = False
    try:
        yield partial
        ended = True
    finally:
        # An error here must not hide the one that led to it.
        fault = _remove_hidden(partial, ("", DONE))
        os.close(held)
        if ended and fault is not None and not any(os.path.lexists(_with(partial, each)) for each in ("", DONE)):
            LOGGER.warning(
                "%s cannot be removed (%s): it is empty and stops no other run; the next one that writes %s removes it",
                _with(partial, LOCK), (fault.strerror or os_reason(fault)).lower(), path,
            )  # fmt: skip


def remove_leftovers(path: Path) -> None:
    """Remove what killed runs left beside ``path``; if one had set the old content aside, put that back.

    What a live process is writing is not touched, nor is anything where files cannot be locked.

    Raises:
        OSError: if old content cannot be put back; its file name is where it lies.
    """
    pattern = re.compile(rf"(\.{re.escape(path.name[:_SHOWN])}\.partial-[0-9a-f]{{8}}){_ENDINGS}")
    for partial in sorted(_hidden_names(path.parent, pattern)):
        held = lock_of_dead(_with(partial, LOCK))
        if held is None:
            continue
        try:
            old = _with(partial, OLD)
            if os.path.lexists(old) and not os.path.lexists(path):
                old.rename(path)
                flush(path.parent)
            _remove_hidden(partial, ("", DONE, OLD))  # it can stay: the work does not depend on it
        finally:
            os.close(held)


def remove_leftovers_below(folder: Path) -> None:
    """Remove what killed runs left of single files anywhere in a folder that is posembed's own; links not followed.

    :func:`remove_leftovers` finds what belongs to one name; a run that writes other names than the killed one did needs
    this. What a live process is writing is not touched, nor is old content that was set aside.
    """
    for root, _, _ in os.walk(folder):
        for partial in sorted(_hidden_names(Path(root), _HIDDEN)):
            held = lock_of_dead(_with(partial, LOCK))
            if held is not None:
                _remove_hidden(partial, ("", DONE))
                os.close(held)


def is_hidden_name(name: str) -> bool:
    """Return whether a file's name is one that posembed gives to what it has not finished.

    Example:
        >>> is_hidden_name(".report.html.partial-0123abcd.lock"), is_hidden_name("report.html")
        (True, False)
    """
    return _HIDDEN.fullmatch(name) is not None


def _remove_hidden(partial: Path, endings: Sequence[str]) -> OSError | None:
    """Remove what has a hidden name, its lock last, and return the error of a disk that refuses twice.

    The lock stays as long as something else does, old content included: it says whose that is.
    """
    fault: OSError | None = None
    for _ in range(_ATTEMPTS):
        try:
            for ending in endings:
                remove_tree(_with(partial, ending))
            if not os.path.lexists(_with(partial, OLD)):
                _with(partial, LOCK).unlink(missing_ok=True)
        except OSError as error:
            fault = error
        else:
            return None
    return fault


def remove_tree(path: Path) -> None:
    """Remove a file, or a directory with all that is in it, even if its folders may not be written; links not followed.

    Raises:
        OSError: if something cannot be removed.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink(missing_ok=True)
        return
    _open_up(path)
    for folder, folders, _ in os.walk(path):
        for name in folders:
            _open_up(Path(folder, name))
    shutil.rmtree(path)


def _open_up(folder: Path) -> None:
    mode = folder.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk; links, pipes and devices have nothing to flush."""
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with(partial: Path, ending: str) -> Path:
    return partial.with_name(partial.name + ending)


def _claimed(path: Path) -> tuple[Path, int]:
    """Return a hidden path that no other process uses, and the descriptor of its lock."""
    while True:
        partial = path.parent / f".{path.name[:_SHOWN]}.partial-{secrets.token_hex(4)}"
        lock = _with(partial, LOCK)
        try:
            held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:  # one in four billion
            continue
        try:
            if locked(held) is not False and is_still(lock, held):
                return partial, held
        except BaseException:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
            os.close(held)
            raise
        os.close(held)  # between two lines, another process took the new lock for that of a killed run


def _hidden_names(folder: Path, pattern: re.Pattern[str]) -> set[Path]:
    """Return the hidden paths of which something lies in a folder."""
    try:
        found = [pattern.fullmatch(name) for name in os.listdir(folder)]  # noqa: PTH208 - names are all we need
    except OSError:  # the folder does not exist, or may be written but not listed
        return set()
    return {folder / match.group(1) for match in found if match is not None}
