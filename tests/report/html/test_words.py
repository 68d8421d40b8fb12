import re

import pytest

from posembed.report.html.words import LONG_WORD, definitions, escaped, paragraphs, word_table

HOSTILE = "</script><b a='\"'>&\u202e\x00"


@pytest.mark.parametrize(
    "made",
    [
        escaped(HOSTILE),
        paragraphs([HOSTILE]),
        definitions([(HOSTILE, HOSTILE)]),
        word_table(HOSTILE, [HOSTILE], [[HOSTILE]]),
    ],
)
def test_words_are_escaped(made):
    assert "</script>" not in made
    assert "<b" not in re.sub("<body", "", made)
    assert "\u202e" not in made
    assert "\x00" not in made
    assert "&lt;/script&gt;" in made


def test_paragraphs_may_have_a_style():
    assert paragraphs(["a", 1], "verdict") == '<p class="verdict">a</p><p class="verdict">1</p>'


def test_the_first_cell_is_a_row_s_heading():
    table = word_table("caption", ("", "x"), [("a", 1)])
    assert "<caption>caption</caption>" in table
    assert '<th scope="col">x</th>' in table
    assert '<tr><th scope="row">a</th><td>1</td></tr>' in table
    assert 'aria-label="caption"' in table


@pytest.mark.parametrize(("letters", "long"), [(LONG_WORD, False), (LONG_WORD + 1, True)])
def test_only_long_words_may_be_broken(letters, long):
    assert ('class="long"' in word_table("c", ["x"], [["two words", "w" * letters]])) == long
