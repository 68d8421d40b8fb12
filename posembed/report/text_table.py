"""A table of words, and how it is printed in a terminal and written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from posembed.report.printable import printable


@dataclass(frozen=True)
class TextTable:
    """A title, a header and rows, all words."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_rich(self, *, numbers: bool = True) -> Table:
        """Return a table for a rich console.

        Args:
            numbers: whether all columns but the first hold numbers, which are aligned to the right.
        """
        table = Table(title=printable(self.title), title_justify="left")
        for place, name in enumerate(self.header):
            first = place == 0 or not numbers
            table.add_column(printable(name), justify="left" if first else "right", no_wrap=numbers and place == 0)
        for row in self.rows:
            table.add_row(*(printable(cell) for cell in row))
        return table

    def to_markdown(self) -> str:
        """Return the table as Markdown, its title in bold above it."""
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        return "\n".join([f"**{self.title}**", "", *(_line(row) for row in (self.header, rule, *self.rows))])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
