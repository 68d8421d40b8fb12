"""Rename without replacing, and exchange two names in one instant, where the system can."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100  # paths are relative to the current directory, as for every other call
_NOREPLACE, _EXCHANGE = 1, 2
# What a kernel or file system without these flags answers.
_UNKNOWN = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


class CannotExchangeError(Exception):
    """The system or the file system has no exchange of two names."""


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or directory; a name that is taken is never replaced.

    Where the system cannot promise that, the name is looked at just before.

    Raises:
        FileExistsError: if ``target`` exists.
        OSError: as the system reports it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a").mkdir()
        >>> rename_new(folder / "a", folder / "b")
        >>> [path.name for path in folder.iterdir()]
        ['b']
    """
    if not renameat2(source, target, _NOREPLACE):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        source.rename(target)


def exchange(one: Path, other: Path) -> None:
    """Let two names change places in one instant, whatever they lead to.

    Raises:
        CannotExchangeError: if the system cannot; nothing has changed.
        OSError: as the system reports it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a", "b"):
        ...     (folder / name / f"was {name}").mkdir(parents=True)
        >>> exchange(folder / "a", folder / "b")
        >>> [path.name for path in (folder / "a").iterdir()]
        ['was b']
    """
    if not renameat2(one, other, _EXCHANGE):
        raise CannotExchangeError


def renameat2(source: Path, target: Path, flags: int) -> bool:
    """Call Linux's ``renameat2``, and return False where there is none or the file system does not know the flags.

    Raises:
        OSError: as the system reports it.
    """
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@functools.cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2  # glibc 2.28 or musl 1.2; nothing else has it
    except (AttributeError, OSError, TypeError):  # another system; Windows raises TypeError for None
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int

    def typed(*arguments: object) -> int:
        return int(call(*arguments))

    return typed
