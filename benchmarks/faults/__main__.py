"""Count what is wrong after each k-th call on files has failed.

Run: python -m benchmarks.faults [--every 1] [--scenario NAME] [--minutes 25] [--python]

For each call of the command line below, and each k: the k-th call on files fails (reading, writing, opening, creating,
renaming, linking, removing, flushing, closing, listing), once or from then on, or the process is killed there. Then the
target must be absent, old or whole, the source as it was, the exit code 1 (or 0 with the whole target), what is said
one sentence and true; and the next run must succeed and leave nothing hidden. A folder that fills file by file has each
file absent, old or whole; only a killed process may leave something hidden in it. Anything else is printed, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.faults.layers import FAULTS, CLayer, choose_layer
from benchmarks.faults.run import Runner


def main() -> int:
    """Run the scenarios, print a table of counts and every fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only every N-th k")
    parser.add_argument("--scenario", action="append", help="only these")
    parser.add_argument("--minutes", type=float, help="stop each scenario after N minutes, with faults drawn at random")
    parser.add_argument("--python", action="store_true", help="count functions of Python, not of the C library")
    asked = parser.parse_args()
    memory = Path("/dev/shm")  # where it exists: faults are made, so no disk is needed
    with (
        tempfile.TemporaryDirectory(prefix="posembed-faults-") as built,
        tempfile.TemporaryDirectory(prefix="posembed-faults-", dir=memory if memory.is_dir() else None) as place,
    ):
        layer = choose_layer(Path(built), python=asked.python)

        from benchmarks.faults.scenarios import SCENARIOS  # the package, in the process that counts

        chosen = [each for each in SCENARIOS if not asked.scenario or each.name in asked.scenario]
        print(f"calls counted in {'the C library' if isinstance(layer, CLayer) else 'Python'}; every {asked.every}")
        print("| call | calls on files | faults | wrong |\n| --- | --- | --- | --- |", flush=True)
        ended = []
        for number, scenario in enumerate(chosen):
            folder = Path(place) / str(number)
            folder.mkdir()
            pid = os.fork()  # each with its own imports
            if pid == 0:
                try:
                    os._exit(count(Runner(scenario, layer, folder), asked.every, asked.minutes))
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
            ended.append(os.waitpid(pid, 0)[1])
            shutil.rmtree(folder)
    return int(any(ended))


def count(runner: Runner, every: int, minutes: float | None) -> int:
    """Print a line of the table and what is wrong, and return 1 if anything is."""
    planned = [
        (k, fault) for shift, fault in enumerate(FAULTS) for k in range(1 + shift % every, runner.calls + 1, every)
    ]
    until = math.inf
    if minutes is not None:  # wherever the time ends, what was tried is a sample of the whole
        until = time.monotonic() + 60 * minutes
        random.Random(0).shuffle(planned)
    tried, wrong = 0, []
    for k, fault in planned:
        if time.monotonic() > until:
            print(f"{runner.scenario.name}: stopped after {tried} of {len(planned)} faults", file=sys.stderr)
            break
        wrong += runner.judge(k, fault)
        tried += 1
    print(f"| `{runner.scenario.name}` | {runner.calls} | {tried} | {len(wrong)} |", flush=True)
    print("".join(f"{each}\n" for each in wrong), file=sys.stderr, end="", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
