"""Count what is wrong after each k-th call on files has failed.

Run: python -m benchmarks.faults [--every 1] [--scenario NAME] [--python]

For each call of the command line below, and each k: the k-th call on files fails (reading, writing, opening, creating,
renaming, linking, removing, flushing, closing, listing), once or from then on, or the process is killed there. Then the
target must be absent, old or whole, the source as it was, the exit code 1 (or 0 with the whole target), what is said
one sentence and true; and the next run must succeed and leave nothing hidden. Anything else is printed, and the exit
code is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from benchmarks.faults.layers import FAULTS, CLayer, choose_layer
from benchmarks.faults.run import Runner


def main() -> int:
    """Run the scenarios, print a table of counts and every fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only every N-th k")
    parser.add_argument("--scenario", action="append", help="only these")
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
                    os._exit(count(Runner(scenario, layer, folder), asked.every))
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
            ended.append(os.waitpid(pid, 0)[1])
            shutil.rmtree(folder)
    return int(any(ended))


def count(runner: Runner, every: int) -> int:
    """Print a line of the table and what is wrong, and return 1 if anything is."""
    tried, wrong = 0, []
    for shift, fault in enumerate(FAULTS):
        for k in range(1 + shift % every, runner.calls + 1, every):
            wrong += runner.judge(k, fault)
            tried += 1
    print(f"| `{runner.scenario.name}` | {runner.calls} | {tried} | {len(wrong)} |", flush=True)
    print("".join(f"{each}\n" for each in wrong), file=sys.stderr, end="", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
