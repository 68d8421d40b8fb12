"""The lesson as text."""

import io

from rich.console import Console

from posembed.lesson.blocks import Section, Words
from posembed.lesson.terminal import print_lesson


def printed(sections, width):
    console = Console(file=io.StringIO(), width=width, emoji=False)
    print_lesson(sections, console)
    return console.file.getvalue()


def test_every_section_is_there(sections):
    text = printed(sections, 160)
    for number, section in enumerate(sections, start=1):
        assert f"{number}. {section.title}" in text
    assert "my-bert" in text
    assert "▒" in text  # RoBERTa's reserved rows
    assert "posembed quiz" in text
    assert "prints: loss" in text


def test_it_fits_a_narrow_window(sections):
    assert max(map(len, printed(sections, 80).splitlines())) <= 80


def test_nothing_reaches_the_terminal_raw():
    assert "\x1b" not in printed([Section("a", [Words("b \x1b[31m c")])], 80)
