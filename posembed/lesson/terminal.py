"""The lesson as text in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax

from posembed.layout import TableLayout
from posembed.lesson.blocks import Block, Charts, Code, Layouts, Points, Section, Widget, Words
from posembed.lesson.content import TITLE
from posembed.report.printable import printable
from posembed.report.text_table import TextTable

_BAR = 60  # characters of the longest bar


def print_lesson(sections: Sequence[Section], console: Console) -> None:
    """Print every section; interactive parts of the page become tables."""
    console.print(TITLE, style="bold", markup=False)
    for number, section in enumerate(sections, start=1):
        console.print()
        console.print(f"{number}. {section.title}", style="bold", markup=False)
        for block in section.blocks:
            console.print()
            _print(block, console)


def _print(block: Block, console: Console) -> None:
    match block:
        case Words():
            console.print(Markdown(printable(block.text)))
        case Points():
            for item in block.items:
                console.print(Markdown(f"* {printable(item)}"))
        case Code():
            console.print(Syntax(block.source, "python", theme="ansi_dark", background_color="default"))
            console.print(f"prints: {block.output}", markup=False, highlight=False)
        case TextTable():
            console.print(block.to_rich(numbers=False), markup=False, highlight=False)
        case Charts():
            for chart in block.charts:
                console.print(f"(chart in the page) {chart.title}: {chart.reading}", markup=False, highlight=False)
        case Layouts():
            for name, layout, _source in block.tables:
                console.print(_bar(name, layout, max(each.rows for _, each, _ in block.tables)), markup=False)
        case Widget():
            console.print(block.words.to_rich(numbers=False), markup=False, highlight=False)
            console.print(
                "(Interactive in the page that posembed lesson --html FILE writes.)", markup=False, highlight=False
            )
        case _:
            console.print("posembed quiz asks them, and proves each answer.", markup=False, highlight=False)


def _bar(name: str, layout: TableLayout, longest: int) -> str:
    size = max(1, round(_BAR * layout.rows / longest))
    reserved = "▒" if layout.reserved else ""
    words = f"{layout.rows} rows, " + (f"{layout.reserved} reserved, " if layout.reserved else "")
    return f"{name:14}{reserved}{'█' * (size - len(reserved))} {words}usable {layout.usable_length}"
