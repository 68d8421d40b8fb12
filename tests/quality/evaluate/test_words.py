"""How differences are called."""

import pytest

from posembed.quality.evaluate.words import significance


@pytest.mark.parametrize(
    ("mean", "p", "word"),
    [
        (0.1, 0.049, "significant gain"),
        (-0.1, 0.049, "significant loss"),
        (0.1, 0.05, "no significant difference"),
        (-0.1, 0.9, "no significant difference"),
        (1e-9, 0.0, "significant gain"),
    ],
)
def test_significance(mean, p, word):
    assert significance(mean, p) == word
