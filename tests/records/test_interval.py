import math

import pytest

from posembed.records.interval import Interval, Quality
from posembed.statistics import mean_interval


def test_half_the_width():
    assert Interval(2.0, 1.5, 2.5, 3, 1).half_width == 0.5
    assert Interval(2.0, None, None, 1, 1).half_width is None
    assert Interval(**mean_interval([[1.0, 2.0, 3.0]])).to_dict() == mean_interval([[1.0, 2.0, 3.0]])


def quality(mean, low, high):
    return Quality.of({"mean": mean, "low": low, "high": high, "documents": 5, "seeds": 1})


def test_perplexity():
    found = quality(math.log(8), math.log(4), 1e5)
    assert (found.perplexity, found.perplexity_low) == pytest.approx((8.0, 4.0))
    assert found.perplexity_high is None  # no float holds it
    assert found.bits_per_token == pytest.approx(3.0)
    assert list(found.to_dict())[:5] == ["mean", "low", "high", "documents", "seeds"]
    nothing = quality(None, None, None)
    assert (nothing.perplexity, nothing.perplexity_low, nothing.perplexity_high, nothing.bits_per_token) == (None,) * 4


def test_the_largest_perplexity_that_is_written():
    assert quality(700.0, 709.7, None).perplexity == math.exp(700.0)
    assert quality(700.1, None, None).perplexity is None
