"""Accuracy and loss, and how they are spoken of."""

import pytest

from posembed.quality.search.measure import ACCURACY, LOSS, in_words


@pytest.mark.parametrize(("measure", "worth"), [(ACCURACY, 3.0), (LOSS, -3.0)])
def test_more_worth_is_better(measure, worth):
    assert measure.worth({8: 1.0, 16: 5.0}) == worth


def test_the_baseline_in_words():
    assert ACCURACY.baseline_of(96) == "cutting documents to 96 tokens"
    assert LOSS.baseline_of(64) == "a sliding window of 64 tokens"


def test_values_are_ordered_by_length():
    assert in_words({256: 0.5, 32: 0.1254}) == "0.125 at 32, 0.500 at 256"
