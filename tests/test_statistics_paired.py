"""Intervals and tests against what is known exactly."""

import numpy as np
import pytest
from scipy import stats

from posembed.statistics import bootstrap_interval, difference, holm, paired_test, recovered


def test_the_interval_covers_as_often_as_it_says():
    draw = np.random.default_rng(0)
    inside = 0
    for trial in range(60):
        found = bootstrap_interval(draw.normal(3, 1, 80), seed=trial)
        inside += found["low"] <= 3 <= found["high"]
    assert 51 <= inside <= 60


def test_the_interval_is_near_the_normal_one():
    sample = np.random.default_rng(1).normal(0, 2, 400)
    found = bootstrap_interval(sample)
    half = 1.96 * sample.std() / 20
    assert found["low"] == pytest.approx(sample.mean() - half, abs=0.03)
    assert found["high"] == pytest.approx(sample.mean() + half, abs=0.03)
    assert bootstrap_interval(sample) == found
    assert bootstrap_interval([2.0]) == {"mean": 2.0, "low": 2.0, "high": 2.0}


def test_mcnemar_counts_the_pairs_that_differ():
    first, second = np.array([1] * 12 + [0] * 3 + [1] * 50), np.array([0] * 12 + [1] * 3 + [1] * 50)
    assert paired_test(first, second) == pytest.approx(2 * stats.binom.cdf(3, 15, 0.5))
    assert paired_test(first, first) == 1.0


def test_other_numbers_go_by_ranks():
    draw = np.random.default_rng(2)
    loss = draw.normal(2, 0.3, 50)
    assert paired_test(loss + 0.2 + 0.01 * draw.normal(size=50), loss) < 1e-6
    assert paired_test(loss + draw.normal(0, 0.1, 50), loss) > 0.01


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_difference_is_paired():
    draw = np.random.default_rng(3)
    easy = draw.normal(0, 10, 100)  # documents differ far more than the two systems
    found = difference(easy + 1 + 0.1 * draw.normal(size=100), easy)
    assert 0.9 < found["low"] < 1 < found["high"] < 1.1
    assert found["p"] < 1e-9


def test_recovered_share_and_its_interval():
    """The gap of each document varies; the share is one of means, so documents with a large gap count for more."""
    draw = np.random.default_rng(0)
    better = draw.normal(2.0, 0.2, 400)
    gap = draw.uniform(0.5, 1.5, 400)
    method = better + 0.3 * gap + draw.normal(0, 0.1, 400)
    found = recovered(better + gap, method, better)
    assert found["mean"] == pytest.approx(((better + gap).mean() - method.mean()) / gap.mean())
    assert found["low"] < found["mean"] < found["high"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 0.1 / 400**0.5, rel=0.3)
    assert recovered(better + gap, better + 2 * gap, better)["mean"] == pytest.approx(-1.0)
