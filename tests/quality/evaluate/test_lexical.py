"""Words in many scripts, BM25 by hand, and averages of word vectors."""

import math
import sys

import numpy as np
import pytest

from posembed.errors import MissingExtraError
from posembed.quality.evaluate.lexical import Bm25Index, WordVectorIndex, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The key is 12345.", ["the", "key", "is", "12345"]),
        ("snake_case, naïve!", ["snake", "case", "naïve"]),
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are not letters, and belong to their word
        ("كِتَاب جديد", ["كِتَاب", "جديد"]),
        ("ภาษา", ["ภา", "าษ", "ษา"]),
        ("東京", ["東京"]),
        ("京", ["京"]),
        ("日本語abc", ["日本", "本語", "abc"]),
        ("", []),
        ("… — !", []),
    ],
)
def test_words(text, found):
    assert words(text) == found


def test_bm25_by_hand():
    pytest.importorskip("bm25s")
    documents = [["a", "b", "b"], ["a", "c"], ["d"]]
    scores = Bm25Index(documents).scores([["b"], ["a", "d"], ["x"], []])
    k1, b, mean = 1.5, 0.75, 2.0

    def idf(frequency):
        return math.log(1 + (3 - frequency + 0.5) / (frequency + 0.5))

    def part(count, length):
        return count / (count + k1 * (1 - b + b * length / mean))

    expected = np.zeros((4, 3))
    expected[0, 0] = idf(1) * part(2, 3)
    expected[1] = [idf(2) * part(1, 3), idf(2) * part(1, 2), idf(1) * part(1, 1)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_documents_without_a_word_score_nothing():
    pytest.importorskip("bm25s")
    assert Bm25Index([[], []]).scores([["a"], []]).tolist() == [[0, 0], [0, 0]]
    scores = Bm25Index([[], ["a"]]).scores([["a"]])
    assert scores[0, 0] == 0 < scores[0, 1]


def test_without_the_library_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(MissingExtraError, match=r'BM25 needs the package .* pip install "posembed\[quality\]"'):
        Bm25Index([["a"]])


def test_word_vectors_are_weighted_by_inverse_document_frequency():
    table = np.eye(4, dtype=np.float32)
    documents, queries = [[0, 1, 1], [0, 2]], [[0, 1], [3]]
    scores = WordVectorIndex(documents, table).scores(queries)
    rare, unseen = math.log(3 / 2), math.log(3)
    assert unseen > rare
    # Token 0 is in both documents and weighs nothing, so each document is its own rare token.
    np.testing.assert_allclose(scores, [[1, 0], [0, 0]], atol=1e-7)
    mixed = WordVectorIndex([[1, 2, 2], [0]], table).scores([[1]])
    np.testing.assert_allclose(mixed, [[1 / math.sqrt(5), 0]], atol=1e-7)


def test_texts_without_weight_have_the_score_zero():
    table = np.ones((2, 3), dtype=np.float32)
    assert WordVectorIndex([[0], [0]], table).scores([[0], []]).tolist() == [[0, 0], [0, 0]]
