"""What a model does when its positions move, as tables for the terminal."""

from __future__ import annotations

from rich.console import Console

from posembed.records.behavior import Behavior
from posembed.report.behavior import MEASURES, behavior_sentences, details, measures_of, placement_rows, title_of
from posembed.report.printable import printable
from posembed.report.terminal.grid import new_grid, shown


def print_behavior(behavior: Behavior, console: Console) -> None:
    """Print one table per position table that was moved, then what follows, in sentences."""
    for table in behavior.tables:
        grid = new_grid(shown(title_of(table)), "positions", *(MEASURES[name] for name in measures_of(table)))
        for row in placement_rows(table):
            grid.add_row(*map(shown, row))
        console.print(grid)
        for sentence in details(table):
            console.print(printable(sentence), markup=False, highlight=False)
    for sentence in behavior_sentences(behavior):
        console.print(printable(sentence), markup=False, highlight=False)
