"""All benchmarks of a CPU, each with parity first and peers in turn; results in JSON, and one page with charts.

    make bench                                        # everything, in about a quarter of an hour
    python -m benchmarks.bench --only layer,lab       # some of it; the page is written from what has been measured
    python -m benchmarks.bench --page                 # the page alone
    python -m benchmarks.bench --resume               # what has not been measured yet, or by another version

A part that fails is named at the end, and the others are measured. With --quick, sizes are tiny and the results mean
nothing: it shows that everything runs, and needs --out.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.bench.page import write_page
from benchmarks.bench.results import Result, machine

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "measured" / "bench"
PARTS = ("layer", "grid", "inputs", "checkpoint", "shards", "start", "lab", "growth")


def main(words: list[str] | None = None) -> int:
    """Measure what is asked for, and write the page; returns 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME,NAME", help=f"parts to measure: {', '.join(PARTS)}")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument(
        "--resume", action="store_true", help="skip parts whose results are of this version and machine"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--out", type=Path, help="folder for the results (default: docs/measured/bench, with the page)")
    parser.add_argument("--folder", help="where files are made (default: the system's folder for temporary files)")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    given = parser.parse_args(words)
    parts = list(PARTS) if given.only is None else given.only.split(",")
    if unknown := [name for name in parts if name not in PARTS]:
        parser.error(f"--only {','.join(unknown)}: no such part; there are {', '.join(PARTS)}")
    if given.quick and given.out is None:
        parser.error("--quick measures nothing of use: give --out, so that it replaces no results")
    results = given.out or RESULTS
    failed = []
    for name in [] if given.page else parts:
        if given.resume and is_measured(results / f"{name}.json"):
            print(f"{name}: measured already", file=sys.stderr)
            continue
        try:
            print(f"{name}: {run(name, results, given):.0f} s", file=sys.stderr)
        except (Exception, SystemExit):  # one part must not cost the others
            traceback.print_exc()
            failed.append(name)
    if given.out is None:
        print("wrote", *write_page(results, ROOT), sep="\n  ", file=sys.stderr)
    if failed:
        print(f"failed: {', '.join(failed)}; again with --only {','.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def run(name: str, results: Path, given: argparse.Namespace) -> float:
    """Measure one part, write its file, and return the seconds that it took."""
    facts = machine()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="posembed-bench-", dir=given.folder) as folder:
        part = importlib.import_module(f"benchmarks.bench.{name}")
        result: Result = part.measure(given.seed, quick=given.quick, folder=Path(folder))
    result.seconds = round(time.perf_counter() - begun, 1)
    result.environment = facts
    result.write(results)
    return result.seconds


def is_measured(path: Path) -> bool:
    """Return whether a part was measured by this version of the package and of PyTorch on this kind of machine."""
    if not path.exists():
        return False
    there, here = Result.read(path).environment, machine()
    return all(there.get(name) == here[name] for name in ("posembed", "torch", "cpu", "cores"))


if __name__ == "__main__":
    sys.exit(main())
