"""Names from files cannot control the terminal: whatever is not printable is escaped."""

from hypothesis import given
from hypothesis import strategies as st

from posembed.report.printable import printable


@given(st.text())
def test_the_result_is_printable_on_one_line(text):
    shown = printable(text)
    assert shown.isprintable()
    assert "\n" not in shown
    assert "\x1b" not in shown


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_printable_text_stays_as_it_is(text):
    assert printable(text) == text


def test_what_would_turn_the_line_is_escaped():
    assert printable("a\u202eb") == "a\\u202eb"
    assert printable(3) == "3"


@given(st.text())
def test_text_that_is_safe_already_stays(text):
    assert printable(printable(text)) == printable(text)
    assert text.isprintable() == (printable(text) == text)


def test_a_name_that_fills_a_page_is_cut():
    assert len(printable("n" * 100_000)) < 400
