"""Lengths of training documents: halves that all read trained rows, met so that each gets as many tokens."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from posembed.quality.calibrate.lengths import document_lengths, draw_length, even_tokens, halved_lengths
from tests.fixtures.calibrations import configured

CONFIG = configured(keep=64, period=64, document=100, batch=6, held_out=12)


@pytest.mark.parametrize(("document", "keep", "above", "lengths"), [
    (2048, 128, 0, [2048, 1024, 512]), (512, 128, 0, [512]), (1000, 128, 0, [1000]), (4096, 1024, 0, [4096, 2048]),
    (2048, 0, 512, [2048, 1024]), (1024, 0, 512, [1024]), (1025, 0, 512, [1025]),
])  # fmt: skip
def test_lengths_read_trained_rows(document, keep, above, lengths):
    assert document_lengths(replace(CONFIG, length=8192, document=document, keep=keep, above=above)) == lengths


@pytest.mark.parametrize(("longest", "above", "lengths"), [
    (1024, 0, [1024, 512]), (1023, 0, [1023]), (1024, 511, [1024, 512]), (1024, 512, [1024]),
    (4096, 0, [4096, 2048, 1024, 512]),    (1500, 0, [1500, 750]),
])  # fmt: skip
def test_documents_are_halved_down_to_512(longest, above, lengths):
    assert halved_lengths(longest, above=above) == lengths


def test_every_length_gets_as_many_tokens():
    chances = even_tokens([2048, 1024, 512])
    np.testing.assert_allclose(chances * [2048, 1024, 512], np.full(3, 2048 / 7))
    assert chances.sum() == pytest.approx(1.0)


def test_drawn_lengths_follow_the_chances():
    rng = np.random.default_rng(0)
    counts = Counter(draw_length([1024, 512], rng) for _ in range(3000))
    assert set(counts) == {512, 1024}
    assert counts[512] == pytest.approx(2000, rel=0.1)
