"""Titles and headings of plain text."""

import pytest

from posembed.quality.documents.document import Section
from posembed.quality.documents.plain import read_plain

LONG = "This block is long enough to be a paragraph below a heading, whatever that is."


def headings(text):
    return [each.heading for each in read_plain(text).sections if each.heading]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Cats\n\nThey purr.", "Cats"),
        ("\n\n  Cats  \n\nThey purr.", "Cats"),
        ("Cats\n====\nThey purr.", "Cats"),
        ("====\nCats\n====\n\nThey purr.", "Cats"),
        ("Cats\nThey purr.\nAnd sleep.", "Cats"),
        ("They are cats.\n\nThey purr.", "They are cats."),
        ("A paragraph that goes on\nin the next line.", ""),
        ("They purr.\nThey sleep.", ""),
        ("x" * 121 + "\n\nThey purr.", ""),
        ("---\n\nThey purr.", ""),
        ("/* code */\n\nThey purr.", ""),
        ("", ""),
        ("猫について\n\n猫は鼠を食べる。", "猫について"),
    ],
)
def test_the_first_line_is_the_title(text, title):
    found = read_plain(text)
    assert found.title == title
    if title:
        assert title not in found.text


@pytest.mark.parametrize(
    "heading",
    ["2. Food", "2.1 Food and drink", "IV. Food", "Chapter 3: Food", "A. Food", "FOOD", "Food", "Food and drink"],
)
def test_headings_that_stand_alone(heading):
    assert headings(f"Cats\n\n{LONG}\n\n{heading}\n\n{LONG}\n") == [heading]


@pytest.mark.parametrize("line", ["Food.", "food", "Food,", "1. an entry of a list.", "* Food", "x" * 90, "Food:"])
def test_lines_that_are_none(line):
    assert headings(f"Cats\n\n{LONG}\n\n{line}\n\n{LONG}\n") == []


def test_underlined_and_numbered_headings():
    text = f"Cats\n\nFood\n----\n{LONG}\n\n3.2.1. Mice\n\n{LONG}\n\nA heading\n---\n{LONG}"
    found = read_plain(text).sections
    assert [(each.heading, each.level) for each in found if each.heading] == [("Food", 1), ("3.2.1. Mice", 3)]


def test_manual_pages():
    text = "cat(1)\n\nNAME\n       cat - join files\n\nOPTIONS\n       -n     number the lines\n\n       of files\n"
    found = read_plain(text)
    assert found.title == "cat(1)"
    assert [each.heading for each in found.sections] == ["NAME", "OPTIONS"]


def test_without_headings_every_block_is_a_section():
    found = read_plain(f"Cats\n\nThey purr all day long.\nAnd sleep.\n\n\n{LONG}")
    assert found.sections == (Section("", "They purr all day long.\nAnd sleep."), Section("", LONG))


@pytest.mark.parametrize(
    "sign", [".. note:: They", "They :ref:`purr <x>`, and", "They ``purr``, and", ".. _x:\n\nThey"]
)
def test_signs_of_restructured_text(sign):
    found = read_plain(f"====\nCats\n====\n\n{sign} purr *well*.\n\nOf it\n-----\n\nMore.")
    assert found.title == "Cats"
    assert found.sections[0].text.endswith("purr well.")
    assert found.sections[1].heading == "Of it"


def test_restructured_text_in_a_txt_file():
    found = read_plain(".. _x:\n\nCats\n====\n\n.. note:: They purr.\n")
    assert (found.title, found.text) == ("Cats", "They purr.")


def test_a_heading_at_the_end():
    assert headings(f"Cats\n\n{LONG}\n\n2. Food") == ["2. Food"]
