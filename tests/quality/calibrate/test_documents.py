"""Training documents: what their haystacks, evidence and queries are, and that nothing but the evidence differs."""

import functools
import operator
import re
from collections import Counter

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.calibrate.documents import LONGEST_QUERY, Source
from posembed.quality.rng import generator
from posembed.quality.tasks.names import FILLERS
from tests.fixtures.plain_rng import PlainRng, digest

TEXT = " ".join(
    f"{first}{second}lo{third}" for first in "kmnprst" for second in "aeiou" for third in ("mi", "ra", "tu")
)


class Vocabulary:
    """A token a word, numbered as they come."""

    def __init__(self):
        self.numbers = {}

    def __call__(self, text):
        return [self.numbers.setdefault(word, len(self.numbers)) for word in re.findall(r"\w+|[^\w\s]", text)]


@pytest.fixture
def source():
    return Source([TEXT] * 40, Vocabulary(), "train")


def rngs(count):
    return [generator("documents", number) for number in range(count)]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [60, 199])
def test_documents_have_the_size_and_are_different(source, share, size):
    for rng in rngs(30):
        documents, queries = source.group(7, size, share, rng)
        assert {len(document) for document in documents} == {size}
        assert len(set(map(tuple, documents))) == len(documents) == len(queries) == 7


def test_hidden_words_are_all_that_differs(source):
    words = {tuple(source.encode(word)) for word in source.words}
    for rng in rngs(40):
        documents, queries = source.group(6, 200, 0.0, rng)
        common = functools.reduce(operator.and_, map(Counter, documents))
        assert sum(common.values()) >= 200 - 4  # a word is a token here: at most two, mentioned at most twice
        asked = functools.reduce(operator.and_, map(Counter, queries))
        assert sum(asked.values()) >= max(map(len, queries)) - 2
        for document, query in zip(documents, queries, strict=True):
            key = list((Counter(query) - asked).elements())
            assert len(key) <= 2
            assert set(key) <= set(document)
            assert all((token,) in words for token in key)


def test_a_question_is_answered_by_its_own_document_alone(source):
    words = {token for word in source.words for token in source.encode(word)}
    for rng in rngs(40):
        documents, queries = source.group(5, 200, 1.0, rng)
        asked = functools.reduce(operator.and_, map(Counter, queries))
        for number, query in enumerate(queries):
            about = set(Counter(query) - asked)
            assert about
            holders = [k for k, document in enumerate(documents) if about <= set(document)]
            assert number in holders
            assert len(holders) == 1 or about <= words  # which the haystack may have too


def test_haystacks_are_of_three_kinds(source):
    """Running text, a few words of it again and again, made sentences."""
    kinds = Counter()
    text = source.tokens.tolist()
    for rng in rngs(300):
        haystack = source._haystack(400, rng).tolist()
        period = next(n for n in range(1, 401) if haystack[n:] == haystack[:-n])
        of_text = all(token in set(text) for token in haystack[:80]) and is_window(text, haystack[:11])
        kinds[
            "running" if period > 80 or (of_text and period >= len(set(text))) else "text" if of_text else "made"
        ] += 1
    assert 0.6 < kinds["made"] / 300 < 0.8
    assert 0.1 < kinds["text"] / 300 < 0.3
    assert 0.02 < kinds["running"] / 300 < 0.2


def is_window(text, part):
    return any(text[at : at + len(part)] == part for at in range(200))


def test_a_known_filler_is_the_haystack(source):
    documents, _ = source.group(4, 100, 1.0, generator("known"), known=6)
    filler = np.resize(source.encode(FILLERS["validation"][6 % 4]), 100).tolist()
    for document in documents:
        assert any(
            document[:at] == filler[:at] and document[at + hidden :] == filler[at : 100 - hidden]
            for hidden in range(2, 20)
            for at in range(101 - hidden)
        )


def test_the_random_numbers_decide(source):
    one, other = (source.group(5, 150, 0.5, generator("a draw")) for _ in range(2))
    assert one == other
    assert one != source.group(5, 150, 0.5, generator("another draw"))


@pytest.mark.parametrize("letters", [1, 2])
def test_no_query_is_longer_than_is_said(letters):
    """A tokenizer of some letters a token, to which English questions are long."""
    source = Source(
        [TEXT] * 40, lambda text: [sum(map(ord, text[k : k + letters])) for k in range(0, len(text), letters)], "train"
    )
    for rng in rngs(300):
        assert max(map(len, source.group(4, 300, 0.8, rng)[1])) + 4 <= LONGEST_QUERY


@pytest.mark.parametrize("texts", [[], ["kalomi"], [TEXT], ["kalomi " * 4000]])
def test_too_little_text(texts):
    with pytest.raises(
        DataError, match=r"the validation texts have .* tokens and .* different words, at least 2,048 and 100"
    ):
        Source(texts, Vocabulary(), "validation")


@pytest.mark.parametrize(("share", "pinned"), [(0.0, "aca671c924ae"), (0.5, "30df9db31038"), (1.0, "49e55c31740b")])
def test_documents_are_those_that_published_tables_were_trained_with(source, share, pinned):
    made = [source.group(4, 90, share, PlainRng("documents", seed)) for seed in range(60)]
    made += [source.group(3, 20, share, PlainRng("short", seed), known=seed) for seed in range(20)]
    assert digest(made) == pinned


def test_evidence_may_stand_at_either_end(source):
    """Also where it fills the whole document."""
    first = last = False
    for seed in range(400):
        documents, _ = source.group(1, 40, 0.0, PlainRng("ends", seed), known=0)
        filler = np.resize(source.encode(FILLERS["validation"][0]), 40).tolist()
        first |= documents[0][0] != filler[0]
        last |= documents[0][:8] == filler[:8] and documents[0][-1] not in filler
    assert first
    assert last
    assert {len(each) for each in source.group(5, 6, 1.0, PlainRng("full"))[0]} == {6}


def test_words_are_of_letters_and_of_few_tokens():
    """From 4 to 12 letters, and at most 8 tokens."""
    letters = lambda text: list(map(ord, text))  # noqa: E731 - a token each
    text = " ".join(["abc", "abcd", "abcdefgh", "abcdefghi", "Abcdéf", "x_y_zz", "12345", "abcdefghijklmnop"])
    many = " ".join(f"{a}{b}{c}{d}" for a in "klmn" for b in "aeiou" for c in "klmn" for d in "aeiou")
    source = Source([f"{text} {many}"] * 5, letters, "train")
    assert {"abcd", "abcdefgh", "Abcdéf"} <= set(source.words)
    assert {"abc", "abcdefghi", "12345"}.isdisjoint(source.words)
    assert "abcdefghijkl" not in source.words  # twelve letters of a longer word are more than eight tokens


@pytest.mark.parametrize(("tokens", "words", "enough"), [(2048, 100, True), (2047, 100, False), (2048, 99, False)])
def test_the_least_text(tokens, words, enough):
    names = [f"{a}{b}{c}lo" for a in "kmnprst" for b in "aeiou" for c in "kmnprst"][:words]
    text = " ".join((names * 30)[:tokens])
    if enough:
        assert len(Source([text], Vocabulary(), "train").words) == words
        return
    with pytest.raises(DataError, match=f"have {tokens:,} tokens and {words} different words"):
        Source([text], Vocabulary(), "train")
