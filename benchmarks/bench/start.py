"""How long a command takes to answer: the help of each, small calls, and the first progress of long ones.

Processor time, which other programs hardly change, and wall time; the least of several runs, since whatever disturbs a
start makes it longer. An empty Python shows how fast the machine is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench.examples import make_examples
from benchmarks.bench.processes import IS_PROGRESS, POSEMBED, collect, run_command
from benchmarks.bench.results import Result, Row
from posembed.cli.app import COMMANDS

REAL, TINY = "all-MiniLM-L6-v2", "my-embedder"
ROUNDS, FIRST_ROUNDS = 7, 3
PYTHON = "an empty Python"
# Stops a command at its first progress: seconds until it said anything, until now, and those of its processor.
_FIRST = """
import os, re, sys, time
begun, pattern, words = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
from posembed.report.terminal import progress
said = []
def message(self, text):
    said.append(time.perf_counter() - begun)
    if re.search(pattern, text):
        first(self, text)
def first(self, update):
    now = time.perf_counter() - begun
    print(*said[:1] or [now], now, time.process_time(), flush=True)
    os._exit(0)
progress.TerminalObserver.message, progress.TerminalObserver.progress = message, first
sys.argv = ["posembed", *words]
from posembed.cli.app import main
main()
"""


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure all starts in turn."""
    result = Result("start", quick, seed)
    examples = folder if quick else make_examples(folder / "examples")
    model = examples / REAL if (examples / REAL).exists() else examples / TINY
    result.facts["model"] = model.name
    calls = {PYTHON: [sys.executable, "-c", "pass"], "posembed --help": [*POSEMBED, "--help"]}
    calls |= {f"posembed {name} --help": [*POSEMBED, name, "--help"] for name in COMMANDS}
    calls |= {name: [*POSEMBED, *words] for name, words in small_calls(examples, folder / "out").items()}
    if quick:
        calls = dict(list(calls.items())[:3])
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(1 if quick else ROUNDS):
        for name, words in calls.items():
            rounds[name].append(run_command(words))
    result.rows += [Row({"what": "start"}, name, collect(each)) for name, each in rounds.items()]
    for name, words in long_calls(model, examples, folder / "calibrated").items():
        if quick and not name.startswith("compare"):
            continue
        seconds = []
        for _ in range(1 if quick else FIRST_ROUNDS):
            seconds.append(first_progress(words))
            for left in folder.glob("calibrated*"):  # the call was killed: its work could be resumed
                left.unlink()
        result.rows.append(Row({"what": "first progress"}, name, collect(seconds)))
    return result


def small_calls(examples: Path, out: Path) -> dict[str, Sequence[str]]:
    """Return calls whose work is next to nothing: what they take is their start."""
    bert = str(examples / "my-bert")
    return {
        "inspect --no-values, a small model": ("inspect", bert, "--no-values"),
        "inspect, a small model": ("inspect", bert),
        "extend --dry-run, a small model": ("extend", bert, str(out), "--to", "1024", "--dry-run"),
        "lesson": ("lesson",),
    }


def long_calls(model: Path, examples: Path, out: Path) -> dict[str, Sequence[str]]:
    """Return the calls that show progress."""
    return {
        f"evaluate {model.name}": ("evaluate", str(model)),
        # Of a language model: that of an embedding model first compares targets, which is work and not a start.
        "calibrate my-gpt2": ("calibrate", str(examples / "my-gpt2"), str(out), "--data", "stdlib", "--to", "1100"),
        "compare": ("compare", "--data", str(_text(examples)), "--train-length", "32"),
    }


def _text(examples: Path) -> Path:
    path = examples / "long-text.txt"
    lines = [f"the cat number {number} sat on the mat, and the dog ran under the house.\n" for number in range(3000)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def first_progress(words: Sequence[str]) -> dict[str, float]:
    """Return the seconds until a command first shows progress, and of its processor until then.

    Raises:
        SystemExit: if it ended without any.
    """
    command = [sys.executable, "-c", _FIRST, json.dumps(time.perf_counter()), IS_PROGRESS, *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    with contextlib.suppress(ProcessLookupError):  # what it started goes on without it
        os.killpg(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    if len(line.split()) != 3:
        raise SystemExit(f"posembed {' '.join(words)} showed no progress:\n{errors[-2000:]}")
    said, wall, processor = map(float, line.split())
    return {"said": said, "wall": wall, "processor": processor}
