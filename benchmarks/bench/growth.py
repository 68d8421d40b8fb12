"""How time and memory of each command grow with the size of what it is given.

Each point is a command in a process of its own. The smallest size is taken as the command's start, and what exceeds it
is fitted by a line through the logarithms: a slope of 1 is growth in proportion to the size, 2 with its square.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks.bench.examples import make_examples
from benchmarks.bench.processes import POSEMBED, repeat
from benchmarks.bench.results import Result, Row
from posembed import extend_checkpoint

ROWS, WIDTH = 1024, 256  # of the table, where the other grows
LONGEST = 4096
PASSKEY = ("--tasks", "passkey", "--pool", "10", "--precision", "fp32", "--device", "cpu")
CALIBRATE = (
    *("--data", "stdlib", "--steps", "4", "--every", "4", "--batch", "2", "--precision", "fp32", "--device", "cpu"),
    *("--check", "off", "--force"),
)
COMPARE = (
    *("--encodings", "learned", "--steps", "30", "--layers", "2", "--heads", "2", "--batch-size", "4", "--jobs", "1"),
    *("--evaluation-documents", "8", "--windows-per-document", "1", "--evaluations", "1", "--precision", "fp32"),
    *("--device", "cpu"),
)
Words = Sequence[str]


@dataclass(frozen=True)
class Curve:
    """One command over one size.

    Attributes:
        command: its name.
        axis: what grows.
        start: a size so small that the command's start is all it takes.
        sizes: the others.
        words: the command line for a size, given a folder to write into.
        rounds: how often each size is run; the least counts.
    """

    command: str
    axis: str
    start: int
    sizes: tuple[int, ...]
    words: Callable[[int, Path], Words]
    rounds: int = 2


CURVES = (
    Curve("inspect", "rows", 16, (1024, 2048, 4096, 8192), lambda n, out: ("inspect", table(out, n, WIDTH))),
    Curve("inspect", "width", 8, (256, 512, 1024, 2048), lambda n, out: ("inspect", table(out, ROWS, n))),
    Curve("extend", "rows", 16, (8192, 16384, 32768, 65536), lambda n, out: extend(out, n, WIDTH)),
    Curve("extend", "width", 8, (1024, 2048, 4096, 8192), lambda n, out: extend(out, 2 * ROWS, n)),
    Curve("evaluate", "documents", 10, (40, 80, 160, 320), lambda n, out: evaluate(out, n, 512), 1),
    Curve("evaluate", "length", 64, (512, 1024, 2048, LONGEST), lambda n, out: evaluate(out, 40, n), 1),
    Curve("calibrate", "length", 64, (512, 1024, 2048), lambda n, out: calibrate(out, n), 1),
    Curve("compare", "length", 16, (128, 256, 512, 1024), lambda n, _: compare(n, 32), 1),
    Curve("compare", "width", 8, (64, 128, 256), lambda n, _: compare(64, n), 1),
)


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure every size of every curve."""
    result = Result("growth", quick, seed)
    if not quick:
        examples = make_examples(folder / "examples")
        extend_checkpoint(examples / "my-embedder", folder / "long-embedder", LONGEST, method="tile", check="off")
        extend_checkpoint(examples / "my-gpt2", folder / "long-gpt2", LONGEST, method="tile", check="off")
    for curve in CURVES[:2] if quick else CURVES:
        for size in (curve.start, 64) if quick else (curve.start, *curve.sizes):
            values = repeat([*POSEMBED, *curve.words(size, folder)], 1 if quick else curve.rounds)
            case = {"command": curve.command, "axis": curve.axis, "size": size, "start": curve.start}
            result.rows.append(Row(case, "posembed", values))
            shutil.rmtree(folder / "out", ignore_errors=True)
    return result


def table(folder: Path, rows: int, width: int) -> str:
    """Write a table whose neighbors are alike, as those of trained ones are."""
    path = folder / "table.safetensors"
    walk = np.cumsum(np.random.default_rng(0).standard_normal((rows, width), dtype=np.float32), axis=0)
    save_file({"wpe.weight": 0.01 * walk}, path)
    return str(path)


def extend(folder: Path, rows: int, width: int) -> Words:
    """To twice as many rows."""
    out = str(folder / "longer.safetensors")
    old = table(folder, rows, width)
    return ("extend", old, out, "--to", str(2 * rows), "--method", "linear", "--check", "off", "--force")


def evaluate(folder: Path, documents: int, length: int) -> Words:
    """A model of two layers of width 32: what is measured is the command, not the model."""
    sizes = ("--documents", str(documents), "--lengths", str(length))
    return ("evaluate", str(folder / "long-embedder"), *sizes, *PASSKEY)


def calibrate(folder: Path, length: int) -> Words:
    """Four steps of documents of this length."""
    kept = ("--keep", "16", "--document", str(length))
    return ("calibrate", str(folder / "long-gpt2"), str(folder / "out"), *kept, *CALIBRATE)


def compare(length: int, width: int) -> Words:
    """Thirty steps of one encoding."""
    return ("compare", "--train-length", str(length), "--d-model", str(width), *COMPARE)
