"""Measure a command: a process of its own, started by a small one, so that nothing of this process is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

POSEMBED = (sys.executable, "-m", "posembed")
IS_PROGRESS = r" at [0-9]+ tokens$"
"""Messages of `evaluate` that name the cell that is measured, which is the progress that it shows."""
# Linux hands the peak memory of whoever starts a process on to it, and this process holds PyTorch. So a small Python
# starts the command; what the command itself starts and waits for is counted.
_STARTER = """
import json, os, sys, time
begun = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet), 0)
seconds = time.perf_counter() - begun
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""
_TO_MIB = 1 / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def run_command(words: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run a command and return its ``wall`` and ``processor`` seconds and its ``peak`` memory in MiB.

    Raises:
        SystemExit: if the command failed, with the end of what it said.
    """
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, *words]
    done = subprocess.run(
        starter, capture_output=True, text=True, check=True, env={**os.environ, **(environment or {})}
    )
    code, wall, processor, peak = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{' '.join(words)} ended with {code}:\n{done.stderr[-2000:]}")
    return {"wall": wall, "processor": processor, "peak": peak * _TO_MIB}


def repeat(words: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Run a command several times, one after another, and return the values of all rounds."""
    return collect([run_command(words) for _ in range(rounds)])


def collect(rounds: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Turn values by round into rounds by value.

    Example:
        >>> collect([{"wall": 1.0}, {"wall": 2.0}])
        {'wall': [1.0, 2.0]}
    """
    return {name: [each[name] for each in rounds] for name in rounds[0]}
