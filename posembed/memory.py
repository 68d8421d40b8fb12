"""How much memory this process may still use, and whether a piece of work fits into it, before it begins."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from posembed.errors import InvalidArgumentError

_GROUPS = Path("/sys/fs/cgroup")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def require_memory(needed: int, what: str) -> None:
    """Refuse work that needs more memory than there is.

    Args:
        needed: bytes.
        what: names the argument and its value.

    Raises:
        InvalidArgumentError: if fewer bytes are available.

    Example:
        >>> require_memory(1, "length=4")
        >>> require_memory(10**30, "length=1000")
        Traceback (most recent call last):
        posembed.errors.InvalidArgumentError: length=1000 needs about ... of memory, and ... are available: ...
    """
    if why := beyond_memory(needed):
        raise InvalidArgumentError(f"{what} needs {why}: choose a smaller size")


def beyond_memory(needed: int) -> str:
    """Return how much memory is needed and how much there is, if that is less; else an empty text.

    Example:
        >>> beyond_memory(1)
        ''
    """
    available = available_memory()
    if available is None or needed <= available:
        return ""
    return f"about {_sized(needed)} of memory, and {_sized(available)} are available"


def available_memory() -> int | None:
    """Return how many bytes this process can still use; ``None`` where the system does not say.

    It is the smallest of what the machine has free (swap included), what a container's limit leaves, and what
    ``ulimit -v`` leaves.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    facts = _table(Path("/proc/meminfo"))
    if "MemAvailable:" in facts:
        yield (facts["MemAvailable:"] + facts.get("SwapFree:", 0)) * 1024
    for limit, used, stat, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError):  # no such limit, or "max"
            most, now = (int((_GROUPS / name).read_text()) for name in (limit, used))
            yield max(most - now + _table(_GROUPS / stat).get(cache, 0), 0)  # what is cached gives way
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):
        import resource  # Windows has none

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            yield max(most - pages * os.sysconf("SC_PAGE_SIZE"), 0)


def _table(file: Path) -> dict[str, int]:
    """Return the names and numbers of a file of such lines."""
    found = {}
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, number, *_ = line.split()
            found[name] = int(number)
    return found


def _sized(count: int) -> str:
    """Return a number of bytes with a unit that is easy to grasp.

    >>> _sized(999), _sized(3_100_000_000), _sized(10**30)
    ('999 bytes', '3.1 GB', '1e+12 EB')
    """
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1000**power:.3g} {_UNITS[power]}"
