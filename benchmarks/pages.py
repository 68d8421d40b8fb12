"""What the measured pages show: the kept numbers, with their intervals, and tables in Markdown."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posembed.files import write_whole


def load(path: Path) -> dict[str, Any]:
    """What has been measured so far."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep(path: Path, found: dict[str, Any]) -> None:
    """Put parts among those that are kept; these are read anew, since others may have been measured meanwhile."""
    text = json.dumps(load(path) | found, indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def interval(found: dict[str, float], digits: int = 3, *, sign: bool = False) -> str:
    """A mean with its interval; with ``sign``, that of the mean is always told.

    Example:
        >>> interval({"mean": 0.5, "low": -0.25, "high": 1.0}, 2, sign=True)
        '+0.50 (−0.25 to 1.00)'
    """
    mean = f"{found['mean']:{'+' if sign else ''}.{digits}f}"
    return f"{mean} ({found['low']:.{digits}f} to {found['high']:.{digits}f})".replace("-", "−")


def accuracy_rows(evaluation: dict[str, Any], task: str) -> list[list[str]]:
    """Of what ``posembed evaluate`` gives: system, and accuracy with its interval at each length."""
    cells = {(c["system"], c["length"]): c["accuracy"] for c in evaluation["cells"] if c["task"] == task}
    lengths = evaluation["configuration"]["lengths"]
    return [
        [system, *(interval(cells[system, n]) if (system, n) in cells else "–" for n in lengths)]
        for system in dict.fromkeys(system for system, _ in cells)
    ]


def table(header: Sequence[object], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: the first column is text, the others are numbers."""
    lines = [f"| {' | '.join(map(str, header))} |", f"| {' | '.join(['---'] + ['---:'] * (len(header) - 1))} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def print_table(header: Sequence[object], rows: Sequence[Sequence[str]]) -> None:
    """The first column is text, the others are numbers."""
    print(table(header, rows))
