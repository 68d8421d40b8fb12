"""Numbers as words."""

import pytest

from posembed.report.numbers import interval, number


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [(None, 3, "–"), (0.12345, 3, "0.123"), (-2.0, 1, "−2.0"), (7.0, 0, "7"), (-0.5, 2, "−0.50")],
)
def test_numbers(value, digits, words):
    assert number(value, digits) == words


def test_three_decimals_by_default():
    assert number(1 / 3) == "0.333"
    assert interval(-0.5, -1.0, 0.25) == "−0.500 (−1.000 to 0.250)"
    assert interval(0.5, 0.25, 0.75, 1) == "0.5 (0.2 to 0.8)"
