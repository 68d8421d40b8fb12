"""A title, sections, and their text."""

import pytest

from posembed.quality.documents.document import (
    Document,
    Section,
    chapters,
    clean,
    compose,
    from_headings,
    is_entry,
    normal,
    one_line,
    without_lines,
)


def test_the_text_is_everything_but_the_title():
    found = Document("Cats", (Section("", "They purr."), Section("Food", "Mice.", 1), Section("Sleep", "", 1)))
    assert found.text == "They purr.\n\nFood\nMice.\n\nSleep"
    assert Document("Cats", ()).text == ""


def test_a_title_is_not_repeated_in_the_text():
    found = compose(
        " The \n cats ", [Section("", "the CATS\n# The cats\nThe cats purr."), Section("The Cats", "Or not.", 1)]
    )
    assert found.title == "The cats"
    assert found.text == "The cats purr.\n\nOr not."


def test_empty_sections_are_left_out():
    assert compose("", [Section("", " \n "), Section("Food", "", 2), Section("", "x")]).sections == (
        Section("Food", "", 2),
        Section("", "x"),
    )


@pytest.mark.parametrize(
    ("sections", "title"),
    [
        ([Section("A", "x", 1), Section("B", "y", 2)], "A"),
        ([Section("A", "x", 2), Section("B", "y", 2)], "A"),
        ([Section("", "before"), Section("A", "x", 1), Section("B", "y", 2)], "A"),
        ([Section("", "before"), Section("A", "x", 1)], "A"),
        ([Section("", "before"), Section("A", "x", 1), Section("B", "y", 1)], ""),
        ([Section("A", "x", 2), Section("B", "y", 1)], ""),
        ([Section("", "only text")], ""),
        ([], ""),
    ],
)
def test_the_first_heading_is_the_title_where_it_is_one_of_the_whole(sections, title):
    found = from_headings(sections)
    assert found.title == title
    texts = [each.text for each in sections if each.text]
    assert [each.text for each in found.sections] == texts
    assert title not in [each.heading for each in found.sections if each.heading]


def test_files_of_other_systems():
    assert clean("\ufeffä\r\nb\rc\fd".encode()) == "ä\nb\nc\nd"
    assert one_line(" a\u3000b\n c ") == "a b c"
    assert normal("STRASSE") == normal("straße")


@pytest.mark.parametrize("line", ["Food", "food ", "- Food", "  * Food", "1. Food", "2.3 Food", "(4) food", "## Food"])
def test_entries_of_a_table_of_contents(line):
    assert is_entry(line, "food")
    assert without_lines(f"a\n{line}\nb", "Food") == "a\nb"


@pytest.mark.parametrize("line", ["Food and more", "more Food", "Food.", ""])
def test_other_lines_stay(line):
    assert not is_entry(line, "food")
    assert without_lines(f"a\n{line}\nb food", "Food") == f"a\n{line}\nb food"
    assert without_lines(line, "") == line


def test_chapters_of_a_book():
    sections = [Section("", "cut off"), Section("Part", "", 1)]
    for number in range(4):
        sections += [Section(f"Chapter {number}", f"text {number}", 2), Section("Of it", "more", 3)]
    found = chapters(Document("", tuple(sections)), 4)
    assert [each.title for each in found] == ["Part", *(f"Chapter {number}" for number in range(4))]
    assert found[2].text == "text 1\n\nOf it\nmore"
    assert len(chapters(Document("", tuple(sections)), 6)) == 9, "the next rank, where the higher ones are too few"
    assert chapters(Document("", tuple(sections)), 10) == []
