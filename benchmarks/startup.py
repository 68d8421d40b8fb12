"""Processor time of starting the command line: ``python -m benchmarks.startup``.

Each command's help is shown by a process of its own, in turn with an empty Python, which tells how fast the machine is.
Processor time, because a waiting machine must not count; the median, because the first process reads files that
the next ones find in memory.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from posembed.cli.app import COMMANDS

LIMIT = 0.25  # seconds; above it, the command line feels slow before it has done anything


def processor_seconds(*arguments: str) -> float:
    """Return the processor time of one process, in user and system mode."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure, print, and return 1 if a command takes longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    calls = {"python": ["-c", "pass"], "posembed --help": ["-m", "posembed", "--help"]}
    calls |= {f"posembed {name} --help": ["-m", "posembed", name, "--help"] for name in COMMANDS}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, arguments in calls.items():
            seconds[name].append(processor_seconds(*arguments))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"processor time, median of {rounds} rounds; limit {LIMIT} s")
    for name, value in medians.items():
        print(f"  {name:26s} {value:.3f} s   {value / medians['python']:5.1f} × python")
    return int(max(medians.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
