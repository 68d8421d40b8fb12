"""Blocks: the page and the terminal know each of them."""

import io
from typing import get_args

import pytest
from rich.console import Console

from posembed.layout import TableLayout
from posembed.lesson.blocks import Block, Charts, Code, Layouts, Points, Quiz, Section, Widget, Words
from posembed.lesson.page import lesson_page
from posembed.lesson.terminal import print_lesson
from posembed.report.html.charts import Chart, Series
from posembed.report.text_table import TextTable

TABLE = TextTable("its words", ("a name",), [("a longer cell",)])
EXAMPLES = {
    Words: (Words("a paragraph"), "a paragraph"),
    Points: (Points(["a point"]), "a point"),
    Code: (Code("x = 1", "printed"), "printed"),
    Layouts: (Layouts([("a table", TableLayout(length=8, reserved=2), "a source")]), "a table"),
    Charts: (Charts([Chart("lines", "a chart", "x", "y", "a reading", [Series("s", [0.0], [1.0])])]), "a reading"),
    Widget: (Widget("sum", "a widget", {"a": 1}, TABLE), "its words"),
    Quiz: (Quiz(), "posembed quiz"),
    TextTable: (TABLE, "a longer cell"),
}


def test_there_is_an_example_of_every_block():
    assert set(EXAMPLES) == set(get_args(Block))


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_both_forms_show_it(kind):
    block, words = EXAMPLES[kind]
    console = Console(file=io.StringIO(), width=120)
    print_lesson([Section("a section", [block])], console)
    assert words in console.file.getvalue()
    assert words in lesson_page([Section("a section", [block])])


def test_a_section_may_be_empty():
    assert Section("a title").blocks == ()
