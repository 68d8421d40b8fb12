"""Questions about what goes on: from which sentences, with which evidence, and where it lies."""

import re

import numpy as np
import pytest

from posembed.quality.evaluate import next_sentence
from posembed.quality.evaluate.next_sentence import (
    OPTIONS,
    TOKENS,
    Questions,
    TokenizedText,
    make_choices,
)

FILLING = "It rained all day and nobody went out to see the old house by the small lake again"
WORDS = {}


def tokenize(text):
    """One token per word, with its place."""
    found = list(re.finditer(r"\w+|[^\w\s]", text))
    return [WORDS.setdefault(each.group(), len(WORDS)) for each in found], [each.span() for each in found]


def sentence(*rare, number=0):
    """Eighteen words, some of them rare, and a full stop."""
    own = [*rare, *(f"w{number}x{k}" for k in range(3 - len(rare)))]
    return f"The {' '.join(own)} stood there {' '.join(FILLING.split()[:12])}."


def document(number, far=("amber", "basalt"), sentences=30, at=2, asked=25):
    """Sentences of 19 tokens; the one that is asked for has words of an early one."""
    rows = [sentence(number=1000 * number + k) for k in range(sentences)]
    names = [f"{word}{number}" for word in far]
    rows[at] = sentence(*names, number=1000 * number + 500)
    rows[asked] = sentence(*names, number=1000 * number + 600)
    return " ".join(rows)


@pytest.fixture
def texts():
    return [TokenizedText.of(document(number), tokenize) for number in range(12)]


def test_sentences_begin_where_their_first_token_does(texts):
    (text,) = texts[:1]
    assert text.sentences == tuple(19 * k for k in range(30))
    assert text.option(0) == tuple(tokenize(document(0))[0][:TOKENS])


def test_code_and_short_sentences_are_left_out():
    text = f"x = [1, 2, 3]; y[0] = {{4: (5, 6)}}; z = 7 + 8 - 9 * 10 / 11.\n\nToo short.\n\n{sentence()}"
    (begin,) = TokenizedText.of(text, tokenize).sentences
    assert tokenize(text)[0][begin] == WORDS["The"]


def test_a_token_that_begins_with_the_space_before_a_sentence_is_its_first():
    """As in byte-level vocabularies, whose offsets may hold the space."""

    def spaced(text):
        found = list(re.finditer(r"\s*(\w+|[^\w\s])", text))
        return [WORDS.setdefault(each.group(1), len(WORDS)) for each in found], [each.span() for each in found]

    text = " ".join(sentence(number=k) for k in range(3))
    assert TokenizedText.of(text, spaced).sentences == TokenizedText.of(text, tokenize).sentences == (0, 19, 38)


def test_the_answer_goes_on_and_has_its_evidence_far_back(texts):
    length, window = 470, 200
    found = make_choices(texts, length, window, 99, "test", 0)
    assert len(found) == 12
    by_context = {text.ids[25 * 19 + TOKENS - length : 25 * 19]: text for text in texts}
    for choice in found:
        text = by_context[choice.context]
        assert choice.options[choice.answer] == text.option(25 * 19)
        assert len(choice.context) + TOKENS == length
        assert len(set(choice.options)) == OPTIONS
        assert {len(option) for option in choice.options} == {TOKENS}
        for number, option in enumerate(choice.options):
            inside = any(choice.context[k : k + TOKENS] == option for k in range(len(choice.context)))
            assert not inside, (number, "an option that can be read in the context")
    assert len({choice.answer for choice in found}) > 2


def test_evidence_that_is_near_or_too_far_or_common_is_none(texts):
    near = [TokenizedText.of(document(number, at=20), tokenize) for number in range(12)]
    assert make_choices(near, 470, 200, 99, "test", 0) == ()
    before = [TokenizedText.of(document(number, at=0), tokenize) for number in range(12)]
    assert make_choices(before, 400, 200, 99, "test", 0) == ()
    common = [TokenizedText.of(document(0), tokenize)] * 12
    assert make_choices(common, 470, 200, 99, "test", 0) == ()
    one = [TokenizedText.of(document(number, far=("amber",)), tokenize) for number in range(12)]
    assert make_choices(one, 470, 200, 99, "test", 0) == ()


def test_evidence_both_far_and_near_is_none():
    def both(number):
        rows = document(number).split(". ")
        rows[22] = rows[2]
        return ". ".join(rows)

    texts = [TokenizedText.of(both(number), tokenize) for number in range(12)]
    assert make_choices(texts, 470, 200, 99, "test", 0) == ()


def test_documents_that_are_too_short_are_not_asked_about(texts):
    assert make_choices(texts, 600, 200, 99, "test", 0) == ()


def test_others_come_from_the_same_document_first(texts):
    """Five sentences stand behind the one that is asked for, one before its context; the seventh is a neighbor's."""
    (choice,) = make_choices(texts, 470, 200, 1, "test", 0)
    (text,) = [text for text in texts if text.option(25 * 19) == choice.options[choice.answer]]
    own = set(map(text.option, text.sentences))
    assert len(own & set(choice.options)) == 1 + 4 + 0 + (25 * 19 + TOKENS - 470 >= TOKENS)


def test_the_same_seed_asks_the_same(texts):
    first, again, other = (make_choices(texts, 470, 200, 5, "test", seed) for seed in (0, 0, 1))
    assert first == again
    assert len(first) == len(other) == 5
    assert first != other
    assert first != make_choices(texts, 470, 200, 5, "validation", 0)


def test_too_few_others_ask_nothing():
    rows = [TokenizedText.of(document(0, sentences=27), tokenize)]
    assert make_choices(rows, 470, 200, 9, "test", 0) == ()


def test_pieces_of_one_file_are_joined():
    whole = " ".join(document(number) for number in range(24))
    pieces = [whole[at : at + 700] for at in range(0, len(whole), 700)]
    assert Questions(pieces, tokenize).make(470, 200, 99, "test", 0) == ()
    found = Questions(pieces, tokenize, one_file=True).make(470, 200, 99, "test", 0)
    assert len(found) > 5
    assert {len(choice.context) for choice in found} == {470 - TOKENS}


def test_documents_are_tokenized_once(monkeypatch):
    counted = []
    questions = Questions(
        [document(number) for number in range(12)], lambda text: counted.append(text) or tokenize(text)
    )
    for length in (470, 455):
        assert questions.make(length, 200, 9, "test", 0)
    assert len(counted) == 12
    assert next_sentence.LEAST_EVIDENCE == 2
    assert np.isclose(next_sentence.RARE, 0.25)
