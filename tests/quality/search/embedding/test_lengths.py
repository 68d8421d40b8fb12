"""Lengths of documents, and how many there are."""

import pytest

from posembed.quality.search.embedding.lengths import LEAST_DOCUMENTS, documents_of, longer_lengths


@pytest.mark.parametrize(
    ("old", "new", "lengths"),
    [
        (512, 513, (513,)),
        (512, 1024, (1024,)),
        (512, 1025, (1024, 1025)),
        (512, 4096, (1024, 2048, 4096)),
        (96, 192, (192,)),
        (64, 8192, (128, 256, 8192)),
    ],
)
def test_doublings_and_the_new_length(old, new, lengths):
    assert longer_lengths(old, new) == lengths


def test_long_documents_are_few():
    assert [documents_of(length, None) for length in (128, 2048, 4096, 2**20)] == [200, 100, 50, LEAST_DOCUMENTS]
    assert documents_of(4096, 1000) == 1000
