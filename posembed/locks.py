"""Locks on files, which go with their process, however it ends: what is not locked belongs to nobody alive."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def lock_of_dead(lock: Path) -> int | None:
    """Return a descriptor that holds the lock, if its process is gone; else ``None``."""
    try:
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return None
    try:
        if locked(held) and is_still(lock, held):
            return held
    except OSError:
        pass
    os.close(held)
    return None


def locked(descriptor: int) -> bool | None:
    """Lock a file and return True; False if another process holds it, ``None`` where files cannot be locked.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     locked(file.fileno())
        True
    """
    try:
        import fcntl
    except ImportError:  # Windows: nothing of other processes is removed there
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def is_still(lock: Path, held: int) -> bool:
    """Return whether the path still leads to the open file, which another process may have removed."""
    try:
        return os.path.samestat(lock.lstat(), os.fstat(held))
    except FileNotFoundError:
        return False
