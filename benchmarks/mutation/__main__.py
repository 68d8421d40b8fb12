"""Draw mutants of the heuristics' rooms, run each room's tests on them, and print how many are killed.

Run: python -m benchmarks.mutation [--mutants 400] [--seed 0] [--jobs 2] [--minutes 60] [--room find] [--out FILE]

Needs: pip install cosmic-ray (the extra `mutation`). Survivors are printed with the reason that survivors.json gives.
A mutant whose tests run out of time counts as killed: a loop that never ends is noticed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path

from scipy.stats import binomtest

from benchmarks.mutation.draw import ROOMS, Mutant, draw_mutants
from benchmarks.mutation.run import outcome, passes_unchanged, preload

REASONS = Path(__file__).with_name("survivors.json")
TO_REACH = 0.85  # of the killed share, the lower end of its 95 % interval


def main() -> None:
    """Parse, run, print; exit with 1 where the share is not reached or a survivor has no reason."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop drawing from the list after this long")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for the tests of one mutant")
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this room (repeatable)")
    parser.add_argument("--out", type=Path, help="write every mutant and its outcome to this JSON file")
    call = parser.parse_args()
    mutants = draw_mutants(call.mutants, call.seed, tuple(call.room or ROOMS))
    found = _run_all(mutants, call.jobs, call.timeout, 60 * call.minutes)
    if call.out is not None:
        rows = [vars(mutant) | {"outcome": word, "seconds": round(took, 2)} for mutant, word, took in found]
        call.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(_report(found, len(mutants)))


def _run_all(mutants: list[Mutant], jobs: int, timeout: float, seconds: float) -> list[tuple[Mutant, str, float]]:
    began, found = time.monotonic(), []
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, context, initializer=preload) as pool:
        rooms = sorted({mutant.room for mutant in mutants})
        failing = [room for room, passed in zip(rooms, pool.map(passes_unchanged, rooms), strict=True) if not passed]
        if failing:
            sys.exit(f"the tests of {', '.join(failing)} fail without a mutant: mend them first")
        print(f"all tests pass without a mutant ({time.monotonic() - began:.0f} s)", file=sys.stderr)
        waiting = {pool.submit(outcome, mutant, timeout): mutant for mutant in mutants}
        try:
            for done in concurrent.futures.as_completed(waiting, timeout=seconds):
                mutant, (word, took) = waiting[done], done.result()
                found.append((mutant, word, took))
                print(f"{len(found)}/{len(mutants)} {word} {took:.1f} s  {mutant.file}:{mutant.line}", file=sys.stderr)
        except TimeoutError:
            print(f"stopped after {time.monotonic() - began:.0f} s", file=sys.stderr)
            pool.shutdown(wait=False, cancel_futures=True)
    return found


def _report(found: list[tuple[Mutant, str, float]], drawn: int) -> int:
    reasons: dict[str, str] = json.loads(REASONS.read_text(encoding="utf-8")) if REASONS.exists() else {}
    counts = Counter(word for _, word, _ in found)
    killed = len(found) - counts["survived"]
    low, high = binomtest(killed, len(found)).proportion_ci(method="wilson") if found else (0.0, 1.0)
    print(f"{len(found)} of {drawn} mutants tested: {counts['killed']} killed, {counts['timeout']} out of time, "
          f"{counts['survived']} survived")  # fmt: skip
    for room in dict.fromkeys(mutant.room for mutant, _, _ in found):
        words = [word for mutant, word, _ in found if mutant.room == room]
        print(f"  {room}: {len(words) - words.count('survived')} of {len(words)}")
    print(
        f"killed share {killed / max(1, len(found)):.3f}, 95 % interval {low:.3f} to {high:.3f}; to reach: {TO_REACH}"
    )
    unexplained = 0
    for mutant, word, _ in found:
        if word == "survived":
            reason = reasons.get(mutant.name, "")
            unexplained += not reason
            change = f"  - {mutant.before}\n  + {mutant.after}"
            print(f"survived: {mutant.file}:{mutant.line}\n{change}\n  {reason or 'NO REASON'}")
    return int(low < TO_REACH or unexplained > 0)


if __name__ == "__main__":
    main()
