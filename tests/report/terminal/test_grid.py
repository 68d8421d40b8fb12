"""The frame that the terminal's tables share, and values as text that cannot become markup."""

import io

from rich.console import Console

from posembed.report.terminal.grid import new_grid, shown, times


def text_of(grid):
    console = Console(file=io.StringIO(), width=80)
    console.print(grid)
    return console.file.getvalue()


def test_a_grid_with_a_header():
    grid = new_grid("Limits", "tokens", "where")
    grid.add_row("512", "table")
    printed = text_of(grid)
    assert printed.splitlines()[0].strip() == "Limits"
    assert "tokens" in printed
    assert "512" in printed


def test_without_a_header_there_are_two_columns():
    grid = new_grid("Facts")
    assert len(grid.columns) == 2
    assert not grid.show_header


def test_values_are_neither_markup_nor_control_characters():
    grid = new_grid("Facts")
    grid.add_row(shown("[red]x[/]"), shown("a\x1b[31m"))
    printed = text_of(grid)
    assert "[red]x[/]" in printed
    assert "\x1b" not in printed
    assert "\\x1b" in printed


def test_shapes_in_words():
    assert times([2, 3, 4]) == "2 × 3 × 4"
    assert times([7]) == "7"
