"""One table of a 3 GB checkpoint doubled: against `cp` and against loading and saving; and `inspect` of the file."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.bench.processes import POSEMBED, collect, run_command
from benchmarks.bench.results import Case, Result, Row
from benchmarks.rewrite import (
    CP,
    EXTEND,
    LIBRARY,
    NO_FLUSH,
    OURS,
    TRANSFORMERS,
    make_checkpoint,
    measured,
    require_parity,
)

GIGABYTES, QUICK_GIGABYTES, ROUNDS = 3.0, 0.01, 3
COMMAND, UNFLUSHED = "posembed extend --check off", "posembed extend --check off, without its own flushing"
# Name, body, and what the child runs before. Before fsync, a command is compared with `cp` without its own flushing:
# that of both is timed apart, and measures the disk.
CANDIDATES = {
    "cp": (CP, ""),
    UNFLUSHED: (EXTEND, NO_FLUSH),
    COMMAND: (EXTEND, ""),
    "posembed, rewriting the file alone": (OURS, ""),
    "safetensors, load_file and save_file": (LIBRARY, ""),
    "transformers, from_pretrained and save_pretrained": (TRANSFORMERS, ""),
}
INSPECT = {"inspect": (), "inspect --no-values": ("--no-values",)}


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure every candidate in turn, each in a process of its own."""
    result = Result("checkpoint", quick, seed)
    old, out = make_checkpoint(folder / "gpt2", QUICK_GIGABYTES if quick else GIGABYTES, seed), folder / "out"
    require_parity(old, out)
    case: Case = {"what": "extend", "bytes": old.stat().st_size}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    for _ in range(1 if quick else ROUNDS):
        for name, (body, before) in CANDIDATES.items():
            if quick and body in (LIBRARY, TRANSFORMERS):
                continue  # seconds of imports
            work, flush, peak = measured(body, old, out, before)
            rounds[name].append({"wall": work, "flush": flush, "peak": peak})
    shutil.rmtree(out)
    result.rows += [Row(case, name, collect(each)) for name, each in rounds.items() if each]
    reads: dict[str, list[dict[str, float]]] = {name: [] for name in INSPECT}
    for _ in range(1 if quick else ROUNDS):
        for name, options in INSPECT.items():
            reads[name].append(run_command([*POSEMBED, "inspect", str(old.parent), *options]))
    result.rows += [Row({**case, "what": "inspect"}, name, collect(each)) for name, each in reads.items()]
    return result
