"""One window of each document that is long enough."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.evaluate.documents import cut_documents

TEXTS = [list(range(100 * number, 100 * number + 30 + number)) for number in range(20)]


def test_windows_lie_within_one_document():
    found = cut_documents(TEXTS, 30, 100, "test", 0)
    assert found.shape == (20, 30)
    assert found.dtype == np.int64
    assert (np.diff(found, axis=1) == 1).all()
    assert sorted(row[0] // 100 for row in found) == list(range(20))
    assert all(row[0] % 100 <= row[0] // 100 for row in found)
    assert any(row[0] % 100 == row[0] // 100 for row in found), "the last possible place is drawn too"


def test_only_documents_that_are_long_enough():
    assert {row[0] // 100 for row in cut_documents(TEXTS, 45, 100, "test", 0)} == set(range(15, 20))
    assert len(cut_documents(TEXTS, 48, 100, "test", 0)) == 2


def test_no_more_documents_than_wanted():
    few = cut_documents(TEXTS, 30, 3, "test", 0)
    np.testing.assert_array_equal(few, cut_documents(TEXTS, 30, 100, "test", 0)[:3])


def test_what_decides_the_windows():
    first = cut_documents(TEXTS, 30, 9, "test", 0)
    np.testing.assert_array_equal(first, cut_documents(TEXTS, 30, 9, "test", 0))
    for other in (("validation", 0), ("test", 1)):
        assert not np.array_equal(first, cut_documents(TEXTS, 30, 9, *other))
    assert not np.array_equal(first[:, 0], cut_documents(TEXTS, 29, 9, "test", 0)[:, 0])


def test_pieces_of_one_text_are_joined():
    pieces = [list(range(10 * number, 10 * number + 10)) for number in range(12)]
    assert cut_documents(pieces, 35, 9, "test", 0, one_file=True).shape == (3, 35)
    with pytest.raises(DataError, match="0 of 12 test documents have 35 tokens"):
        cut_documents(pieces, 35, 9, "test", 0)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([[1] * 20, [1] * 60], "1 of 2 test documents have 50 tokens, at least 2 are needed.* at most 20"),
        ([[1] * 20, [1] * 30, [1] * 10], "0 of 3 test documents .* `lengths` of at most 20"),
        ([[1] * 60], "1 of 1 test documents .* at most 0"),
        ([], "0 of 0 test documents .* at most 0"),
    ],
)
def test_documents_that_are_too_short(texts, sentence):
    with pytest.raises(DataError, match=sentence):
        cut_documents(texts, 50, 10, "test", 0)
