"""Run the twenty lines of the lesson, and read what training did to the rows."""

from __future__ import annotations

import contextlib
import io
import runpy
from dataclasses import dataclass
from importlib import resources

from posembed.report.numbers import number

_SHOWN = 4  # numbers of a row


@dataclass(frozen=True)
class Scratch:
    """The code, its output, and rows of its table before and after training.

    Attributes:
        source: the lines.
        output: what they printed.
        rows: row, before, after and distance, as text: of one row that was read, and of the last, which never was.
    """

    source: str
    output: str
    rows: list[tuple[str, str, str, str]]


def run_from_scratch() -> Scratch:
    """Run ``from_scratch.py`` and return what it did; the random state of the caller is left as it was."""
    import torch

    file = resources.files("posembed.lesson") / "from_scratch.py"
    printed = io.StringIO()
    with resources.as_file(file) as path, torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(printed):
        names = runpy.run_path(str(path))
    before, after = names["before"], names["position"].detach()
    rows = []
    for row in (3, len(before) - 1):
        start, end = (", ".join(number(value) for value in table[row, :_SHOWN].tolist()) for table in (before, after))
        rows.append((str(row), f"{start}, …", f"{end}, …", f"{(after - before)[row].norm().item():.3f}"))
    return Scratch(file.read_text(encoding="utf-8").rstrip(), printed.getvalue().rstrip(), rows)
