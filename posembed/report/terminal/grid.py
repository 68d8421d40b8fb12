"""What the terminal's tables have in common: their frame, and values as safe text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from posembed.report.printable import printable


def new_grid(title: str, *header: str) -> Table:
    """Return an empty table with a title; without a header it has two columns."""
    grid = Table(title=title, title_justify="left", show_header=bool(header))
    for name in header or ("", ""):
        grid.add_column(name, overflow="fold")
    return grid


def shown(value: object) -> str:
    """Return a value as text that a terminal shows as it is: no control characters, no markup."""
    return escape(printable(value))


def times(numbers: Iterable[int], what: str = "") -> str:
    """Return a shape in words.

    Example:
        >>> times((14, 14), "grid")
        '14 × 14 grid'
    """
    return " × ".join(map(str, numbers)) + (f" {what}" if what else "")
