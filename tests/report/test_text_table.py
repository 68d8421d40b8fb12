import io
import re

import pytest
from rich.console import Console

from posembed.report.text_table import TextTable

TABLE = TextTable("A [bold] title", ("name", "value"), [("a", "1"), ("longer name", "20")])


def printed(table):
    console = Console(file=io.StringIO(), width=60)
    console.print(table)
    return console.file.getvalue()


def test_markdown():
    assert TABLE.to_markdown() == (
        "**A [bold] title**\n\n| name | value |\n| --- | ---: |\n| a | 1 |\n| longer name | 20 |"
    )


@pytest.mark.parametrize("cell", ["a | b", "|", "a\\|b"])
def test_markdown_cells_cannot_break_their_table(cell):
    row = TextTable("t", ("x", "y"), [("one", cell)]).to_markdown().splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_numbers_are_aligned_to_the_right():
    assert "│ a           │     1 │" in printed(TABLE.to_rich())
    assert "│ a           │ 1     │" in printed(TABLE.to_rich(numbers=False))


def test_what_a_terminal_would_obey_is_escaped():
    text = printed(TextTable("t\x1b[31m", ("x",), [("a\x1b[0m",)]).to_rich())
    assert "\x1b" not in text
