from hypothesis import given
from hypothesis import strategies as st

from posembed.integrations.mteb.words import Words


@given(st.lists(st.text()))
def test_nothing_but_spaces_is_lost(texts):
    words = Words()
    ids = [words.encode(text) for text in texts]
    assert [words.decode(each) for each in ids] == [" ".join(text.split()) for text in texts]


def test_words_are_numbered_across_texts():
    words = Words()
    assert (words.encode("a b"), words.encode("b  c\na")) == ([0, 1], [1, 2, 0])
