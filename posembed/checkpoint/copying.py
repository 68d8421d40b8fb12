"""Copy bytes from file to file, in the kernel where it can."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from posembed.checkpoint.disk import explain_os_error, mount_point
from posembed.checkpoint.partial import closed, fetch, opened_as, place_of
from posembed.errors import CheckpointError, InvalidArgumentError, WorkFailedError

Progress = Callable[[int], None]  # called with the number of bytes done since the last call

CHUNK = 64 << 20  # bytes per call of the kernel's copy: often enough to show progress and to notice Ctrl-C
BLOCK = 4096  # bytes that a file system shares, and the kernel copies, at a time
BUFFER = 8 << 20  # bytes in memory where the kernel cannot copy by itself
_FICLONE = 0x40049409  # ioctl: share the source's blocks (Btrfs, XFS, bcachefs)
# Errors of a kernel or file system that cannot copy between these two files by itself; and EIO, which does not say
# which of the two files has the fault, as reading and writing do.
_NO_KERNEL_COPY = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY, errno.EIO}
)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a regular file for reading, following symbolic links, and yield its descriptor.

    Raises:
        CheckpointError: if it is missing, may not be read, or is a directory, FIFO, device or socket.
    """
    try:
        # Non-blocking: opening a FIFO would otherwise wait for a writer. Regular files do not care.
        descriptor = os.open(place_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        gone = "is a symbolic link to a file that does not exist" if Path(path).is_symlink() else "does not exist"
        raise CheckpointError(f"{path} {gone}: check the path, or download the checkpoint again") from error
    except PermissionError as error:
        raise CheckpointError(f"{path} may not be read (permission denied): ask its owner, or copy it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise CheckpointError(f"{str(path)!r} cannot be opened: {error}; check the path") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a FIFO, device or socket"
            raise CheckpointError(f"{path} is {kind}, not a file: name the file itself")
        opened_as(descriptor, path)
        yield descriptor
    finally:
        closed(descriptor)
        os.close(descriptor)


@contextlib.contextmanager
def created(path: Path, mode: int, needed: int | None = None) -> Iterator[int]:
    """Create ``path`` and yield its descriptor; on any exception the file is removed again.

    Raises:
        InvalidArgumentError: if something is there already.
        WorkFailedError: for a full disk, a missing permission and other errors of writing.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise InvalidArgumentError(f"{path} exists already: remove it or choose another path") from error
    except OSError as error:
        raise WorkFailedError(explain_os_error(error, path, needed)) from error
    try:
        try:
            yield descriptor
            os.fchmod(descriptor, mode & 0o777)
        finally:
            os.close(descriptor)
    except BaseException as error:
        with contextlib.suppress(OSError):  # which must not hide the one that led here
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WorkFailedError(explain_os_error(error, path, needed)) from error
        raise


def copy_range(src_fd: int, dst_fd: int, offset_src: int, count: int, progress: Progress | None = None) -> None:
    """Append ``count`` bytes of one file, starting at ``offset_src``, at the current position of another.

    The kernel copies (``copy_file_range``: no bytes pass through this process, and file systems that can share
    blocks do). If it cannot, bytes pass through a buffer of 8 MiB.

    Args:
        src_fd: descriptor to read; its own position is neither used nor moved.
        dst_fd: descriptor to write; its position moves on.
        offset_src: first byte to copy.
        count: number of bytes.
        progress: called after each chunk with its number of bytes.

    Raises:
        CheckpointError: if the source ends before ``count`` bytes.
        OSError: as the system reports it, for example for a full disk.
    """
    fetch(src_fd, offset_src, count)
    done = 0
    while done < count:
        ahead = -(offset_src + done) % BLOCK or CHUNK  # from a block's start on, whole blocks can be shared
        copied = _kernel_copy(src_fd, dst_fd, offset_src + done, min(ahead, CHUNK, count - done))
        if copied == 0:  # refused, or the end of the file, or a file system that wrongly says so: reading decides
            return _buffered_copy(src_fd, dst_fd, offset_src + done, count - done, progress)
        done += copied
        if progress is not None:
            progress(copied)
    return None


def copy_file(src: Path, dst: Path, progress: Progress | None = None) -> None:
    """Copy a file with its permission bits and modification time; ``dst`` must not exist.

    If the file system can share blocks, the copy takes no time and no space. A symbolic link is followed: the copy is a
    regular file. If anything fails, ``dst`` is not left behind.

    Raises:
        CheckpointError: if ``src`` is not a readable regular file, or is truncated while it is read.
        InvalidArgumentError: if ``dst`` exists.
        WorkFailedError: if ``dst`` cannot be written.
    """
    with opened(src) as source:
        facts = os.fstat(source)
        fetch(source, 0, facts.st_size)
        with created(dst, facts.st_mode, facts.st_size) as target:
            if not _cloned(source, target):
                copy_range(source, target, 0, facts.st_size, progress)
            elif progress is not None:
                progress(facts.st_size)
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def link_file(src: Path, dst: Path) -> None:
    """Make ``dst`` a hard link to ``src`` (to its target, where ``src`` is a symbolic link); never a copy instead.

    Raises:
        CheckpointError: if ``src`` is not a readable regular file.
        InvalidArgumentError: if ``dst`` exists, or the two are on different file systems.
        WorkFailedError: if the file system refuses.
    """
    with opened(src):
        real = Path(os.path.realpath(src))
    try:
        os.link(real, dst)
    except FileExistsError as error:
        raise InvalidArgumentError(f"{dst} exists already: remove it or choose another path") from error
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise InvalidArgumentError(
                f"{dst} cannot be a hard link to {real}: one is on the file system at {mount_point(dst.parent)}, the "
                f"other on the one at {mount_point(real)}; leave out `link` to copy, or choose a folder on the latter"
            ) from error
        raise WorkFailedError(
            f"{dst} cannot be a hard link to {real} on the file system at {mount_point(dst.parent)}: "
            f"{error.strerror}; leave out `link` to copy"
        ) from error


def read_into(fd: int, view: memoryview, offset: int) -> None:
    """Fill ``view`` with the file's bytes, starting at ``offset``.

    Raises:
        CheckpointError: if the file ends before that.
    """
    fetch(fd, offset, len(view))
    done = 0
    while done < len(view):
        got = _read_into(fd, view[done : done + CHUNK], offset + done)
        if got == 0:
            raise CheckpointError(_shrunk(fd, offset + done))
        done += got


def read_at(fd: int, count: int, offset: int) -> bytes:
    """Return ``count`` bytes of a file, fewer at its end."""
    fetch(fd, offset, count)
    return os.pread(fd, count, offset)


def write_all(fd: int, view: memoryview, progress: Progress | None = None) -> None:
    """Write every byte of ``view``; the system may take them in parts."""
    done = 0
    while done < len(view):
        wrote = os.write(fd, view[done : done + CHUNK])
        done += wrote
        if progress is not None:
            progress(wrote)


def _kernel_copy(src_fd: int, dst_fd: int, offset: int, count: int) -> int:
    """Return how many bytes the kernel copied by itself; 0 if it cannot."""
    if not hasattr(os, "copy_file_range"):  # macOS
        return 0
    try:
        return os.copy_file_range(src_fd, dst_fd, count, offset_src=offset)
    except OSError as error:
        if error.errno in _NO_KERNEL_COPY:
            return 0
        raise


def _buffered_copy(src_fd: int, dst_fd: int, offset: int, count: int, progress: Progress | None) -> None:
    buffer = memoryview(bytearray(min(BUFFER, count)))
    while count:
        got = read_some(src_fd, buffer[: min(len(buffer), count)], offset)
        if got == 0:
            raise CheckpointError(_shrunk(src_fd, offset))
        write_all(dst_fd, buffer[:got], progress)
        offset, count = offset + got, count - got


def read_some(fd: int, view: memoryview, offset: int) -> int:
    """Read what the system gives at once into ``view``, and return the number of bytes; 0 at the end of the file.

    Raises:
        CheckpointError: if the file cannot be read, with its name.
    """
    fetch(fd, offset, len(view))
    try:
        return _read_into(fd, view, offset)
    except OSError as error:
        raise CheckpointError(
            f"{_name_of(fd)} cannot be read at byte {offset} ({error.strerror}): check the disk, or fetch the file "
            "again"
        ) from error


def _read_into(fd: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], offset)
    data = os.pread(fd, len(view), offset)  # macOS before 11
    view[: len(data)] = data
    return len(data)


def _cloned(source: int, target: int) -> bool:
    """Return whether the file system made ``target`` share all blocks of ``source``."""
    if sys.platform != "linux":
        return False
    import fcntl  # not on every platform

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # whatever the reason, the copy is tried next: it reports the errors that matter
        return False
    return True


def _shrunk(fd: int, offset: int) -> str:
    return (
        f"{_name_of(fd)} was truncated at byte {offset} while being read: wait until nothing writes to it, then start "
        "again"
    )


def _name_of(fd: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{fd}").readlink())
    except OSError:
        return "the source file"
