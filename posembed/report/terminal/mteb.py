"""Scores of mteb's tasks as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from posembed.report.terminal.grid import new_grid, shown

Scores = Mapping[str, Sequence[Mapping[str, Any]]]
"""Split to one dictionary for each language, as mteb has them."""


def print_scores(tasks: Sequence[tuple[str, Scores]], console: Console) -> None:
    """Print the main score of every task and split, the mean over languages.

    Args:
        tasks: name and scores of each.
        console: where to.
    """
    grid = new_grid("mteb", "task", "split", "main score")
    for name, scores in tasks:
        for split, languages in scores.items():
            mean = sum(float(each["main_score"]) for each in languages) / len(languages)
            grid.add_row(shown(name), shown(split), f"{mean:.3f}")
    console.print(grid)
