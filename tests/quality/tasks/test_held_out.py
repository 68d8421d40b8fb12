"""Texts as tokens and as documents."""

import numpy as np

from posembed.quality.tasks.held_out import HeldOut
from tests.quality.tasks.documents import document, encode


def test_texts_become_one_row():
    assert HeldOut([[1, 2], [3]]).stream.tolist() == [1, 2, 3]
    assert HeldOut([]).stream.dtype == np.int64
    assert HeldOut([[1]]).documents == ()


def test_excerpts_are_made_once():
    calls = []

    def counting(text):
        calls.append(text)
        return encode(text)

    held_out = HeldOut([], [document(number) for number in range(5)])
    first = held_out.excerpts(counting, 200, "test", 0)
    before = len(calls)
    assert held_out.excerpts(counting, 200, "test", 0) is first
    assert len(calls) == before
    assert held_out.excerpts(counting, 100, "test", 0) != first
