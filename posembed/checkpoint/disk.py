"""Disk errors in plain words, and the check for free space before the work begins."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from posembed.errors import WorkFailedError


def require_space(directory: Path, needed: int) -> None:
    """Check that ``needed`` bytes can be written below ``directory``, which need not exist yet.

    Raises:
        WorkFailedError: if the file system has less free space than that.

    Example:
        >>> require_space(Path("/tmp"), 1)
    """
    free = _free_space(directory)
    if needed > free:
        raise WorkFailedError(
            f"no space left on {mount_point(directory)}: {directory} needs {_sized(needed)}, {_sized(free)} are free; "
            "make room or choose another folder"
        )


def explain_os_error(error: OSError, path: Path, needed: int | None = None) -> str:
    """Return one sentence that names the file, the error and what to do.

    Args:
        error: raised by the operating system while ``path`` was written.
        path: the file or folder that the caller asked for.
        needed: its size in bytes, if known.

    Example:
        >>> explain_os_error(PermissionError(13, "Permission denied", "/data/out"), Path("/data/out"))
        'permission denied: /data/out cannot be written; choose a folder that you may write to'
    """
    file = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else path
    about = "" if file.parent == path.parent else f" for {file}"  # beside it: the hidden name that it is staged under
    if error.errno == errno.ENOSPC:
        wants = "" if needed is None else f", which needs {_sized(needed)} (now {_sized(_free_space(path))} are free)"
        return (
            f"no space left on {mount_point(path)}{about} while writing {path}{wants}; "
            "make room or choose another folder"
        )
    if error.errno == errno.EDQUOT:
        wants = "" if needed is None else f", which needs {_sized(needed)}"
        return f"disk quota exceeded{about} while writing {path}{wants}; make room or choose another folder"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"permission denied{about}: {path} cannot be written; choose a folder that you may write to"
    if error.errno == errno.EROFS:
        return (
            f"read-only file system{about}: {path} cannot be written on {mount_point(path)}; "
            "choose a folder on a writable one"
        )
    if error.errno == errno.EFBIG:
        wants = "" if needed is None else f" ({_sized(needed)})"
        return (
            f"file too large{about}: {path}{wants} is beyond what the file system or `ulimit -f` allows; "
            "choose another file system or raise the limit"
        )
    return f"writing {path} failed{about}: {error.strerror or error}; check the disk, then try again"


def mount_point(path: Path) -> Path:
    """Return the root of the file system that ``path`` is on, or would be on once created."""
    found = existing_ancestor(path)
    while not found.is_mount() and found != found.parent:
        found = found.parent
    return found


def existing_ancestor(path: Path) -> Path:
    """Return the nearest folder (or file) at or above ``path`` that exists, symbolic links resolved."""
    found = Path(os.path.realpath(path))
    while not found.exists() and found != found.parent:
        found = found.parent
    return found


def _free_space(path: Path) -> int:
    if not hasattr(os, "statvfs"):
        raise WorkFailedError(
            "writing checkpoints needs Linux or macOS: files are replaced by calls that Windows does not have. On "
            "Windows, run posembed in WSL"
        )
    facts = os.statvfs(existing_ancestor(path))
    return facts.f_bavail * facts.f_frsize


def _sized(count: int) -> str:
    """Return a number of bytes with a unit that is easy to grasp.

    >>> _sized(999), _sized(3_100_000_000)
    ('999 bytes', '3.1 GB (3100000000 bytes)')
    """
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:.1f} {unit} ({count} bytes)"
    return f"{count} bytes"
