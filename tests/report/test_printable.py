"""Text from files is one line without anything that a terminal obeys."""

from hypothesis import given
from hypothesis import strategies as st

from posembed.report.printable import printable


@given(st.text())
def test_nothing_reaches_the_terminal_but_characters_that_are_shown(text):
    shown = printable(text)
    assert shown == "" or shown.isprintable()
    assert printable(shown) == shown
    assert text.isprintable() == (shown == text)
