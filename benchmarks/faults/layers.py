"""Two ways to fail the k-th call on files below a folder: in the C library, or among Python's own functions.

The first needs a C compiler; it also meets the calls that PyTorch, safetensors and the interpreter make by themselves.
"""

from __future__ import annotations

import builtins
import ctypes
import errno
import functools
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIM = "POSEMBED_FAULTS_SHIM"  # the built library, in the environment of the process that has preloaded it


@dataclass(frozen=True)
class Fault:
    """What happens at the k-th call.

    Attributes:
        name: in reports.
        number: the error's number.
        lasting: all later calls that need room on the disk fail too; other calls never fail.
        kill: the process is killed instead.
    """

    name: str
    number: int = errno.EIO
    lasting: bool = False
    kill: bool = False


FAULTS = (
    Fault("one input/output error"),
    Fault("a full disk from then on", errno.ENOSPC, lasting=True),
    Fault("SIGKILL", kill=True),
)


class CLayer:
    """Counts and fails calls of the C library, through a library that was preloaded."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.faults_disarm.restype = ctypes.c_long
        self._library.faults_failed.restype = ctypes.c_char_p

    def arm(self, folder: Path, k: int, fault: Fault) -> None:
        """Begin to count; 0 fails no call."""
        arguments = (ctypes.c_long(k), fault.number, int(fault.lasting), int(fault.kill))
        self._library.faults_arm(os.fsencode(folder), *arguments)

    def disarm(self) -> tuple[int, str]:
        """Stop counting, and return how many calls there were and the name of the first that failed."""
        return int(self._library.faults_disarm()), self._library.faults_failed().decode()


class PythonLayer:
    """Counts and fails the functions of ``os``, and ``open``: for machines without a C compiler."""

    # Where each function has a path or descriptor that decides whether it is counted.
    _OF_PATHS: Mapping[str, int] = {
        **dict.fromkeys(("open", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "chmod", "truncate"), 0),
        **dict.fromkeys(("listdir", "scandir"), 0),
        **dict.fromkeys(("link", "symlink"), 1),
    }
    _OF_FILES: Mapping[str, int] = {
        **dict.fromkeys(("read", "pread", "preadv", "write", "writev", "fsync", "fchmod", "ftruncate", "utime"), 0),
        "copy_file_range": 1,
        "sendfile": 0,
    }
    _NEED_ROOM = ("mkdir", "link", "symlink", "rename", "replace", "write", "writev", "copy_file_range", "sendfile",
                  "fsync")  # fmt: skip

    def __init__(self) -> None:
        self._folder, self._k, self._fault, self._count, self._failed = "", 0, FAULTS[0], -1, ""
        for name in (*self._OF_PATHS, *self._OF_FILES):
            if hasattr(os, name):
                setattr(os, name, self._counting(name, getattr(os, name)))
        builtins.open = io.open = self._counting("open", io.open)  # the second is what `pathlib` calls

    def _counting(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        place = self._OF_PATHS.get(name, self._OF_FILES.get(name, 0))

        @functools.wraps(real)
        def call(*arguments: Any, **keywords: Any) -> Any:
            if self._count >= 0 and len(arguments) > place and self._is_below(arguments[place]):
                self._count += 1
                self._fail(name, len(arguments) > 1 and name == "open" and _creates(arguments[1]))
            return real(*arguments, **keywords)

        return call

    def _is_below(self, place: object) -> bool:
        if isinstance(place, int):
            try:
                place = os.readlink(f"/proc/self/fd/{place}")  # noqa: PTH115 - nothing of pathlib, which is counted
            except OSError:
                return False
        return isinstance(place, str | bytes | os.PathLike) and os.fsdecode(place).startswith(self._folder)

    def _fail(self, name: str, creates: bool) -> None:
        if self._k <= 0 or (self._count < self._k if self._fault.lasting else self._count != self._k):
            return
        if self._fault.lasting and not creates and name not in self._NEED_ROOM:
            return
        self._failed = self._failed or name
        if self._fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(self._fault.number, os.strerror(self._fault.number))

    def arm(self, folder: Path, k: int, fault: Fault) -> None:
        """Begin to count; 0 fails no call."""
        self._folder, self._k, self._fault, self._count, self._failed = str(folder), k, fault, 0, ""

    def disarm(self) -> tuple[int, str]:
        """Stop counting, and return how many calls there were and the name of the first that failed."""
        count, self._count = self._count, -1
        return count, self._failed


def _creates(how: object) -> bool:
    """Return whether a file is opened to be created: by the flags of ``os.open``, or the mode of ``open``."""
    return bool(how & os.O_CREAT) if isinstance(how, int) else any(letter in str(how) for letter in "wxa")


def choose_layer(folder: Path, *, python: bool) -> CLayer | PythonLayer:
    """Return the layer of this process; where a C compiler is found, the process starts again with the library loaded.

    Args:
        folder: where the library is built.
        python: use Python's layer.
    """
    if SHIM in os.environ:
        return CLayer(os.environ[SHIM])
    compiler = None if python or sys.platform != "linux" else shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return PythonLayer()
    library, source = folder / "faults.so", Path(__file__).with_name("shim.c")
    built = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=False)
    if built.returncode:
        return PythonLayer()
    environment = os.environ | {SHIM: str(library), "LD_PRELOAD": str(library)}
    return os.execve(sys.executable, [sys.executable, "-m", "benchmarks.faults", *sys.argv[1:]], environment)
