"""Write single files that are either complete or absent, and flush files and folders to the disk."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object], *, parents: bool = False) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk and rename it to ``path``.

    Args:
        path: the file; an existing one is replaced in an instant.
        write: called with the temporary file's path.
        parents: create missing folders.

    Raises:
        OSError: if the folder does not exist, or the disk refuses; nothing is left behind.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_whole(folder / "report.txt", lambda file: file.write_text("done"))
        >>> [file.name for file in folder.iterdir()]
        ['report.txt']
    """
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")  # no name may exceed 255 bytes
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        flush(temporary)
        temporary.chmod(0o666 & ~_umask())  # mkstemp's files are the owner's alone
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush(path.parent)


def flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk; links, pipes and devices have nothing to flush."""
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
