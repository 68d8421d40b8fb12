import numpy as np
import pytest
from scipy import stats

from posembed import statistics
from posembed.statistics import CONFIDENCE, corrected_interval, mean_interval


def test_one_seed_is_the_t_interval_over_documents():
    values = np.random.default_rng(0).normal(3.0, 1.0, 23)
    result = mean_interval(values)
    expected = stats.t.interval(CONFIDENCE, 22, loc=values.mean(), scale=stats.sem(values))
    assert result["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert (result["low"], result["high"]) == pytest.approx(expected, rel=1e-12)
    assert (result["documents"], result["seeds"]) == (23, 1)
    assert mean_interval(values[None]) == result


def test_two_factors_by_hand():
    table = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]])
    documents, seeds = np.array([1.5, 3.0, 6.0]), np.array([7 / 3, 14 / 3])
    a, b = documents.var(ddof=1) / 3, seeds.var(ddof=1) / 2
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 1)
    half = stats.t.ppf(0.975, freedom) * (a + b) ** 0.5
    result = mean_interval(table)
    assert result["mean"] == pytest.approx(3.5)
    assert (result["high"] - result["low"]) / 2 == pytest.approx(half, rel=1e-12)
    assert (result["documents"], result["seeds"]) == (3, 2)


def coverage(seeds, documents, seed_sd, document_sd, noise_sd, runs=1500):
    draw = np.random.default_rng(seeds * 1000 + documents)
    hits = 0
    for _ in range(runs):
        values = (
            draw.normal(0, seed_sd, (seeds, 1))
            + draw.normal(0, document_sd, (1, documents))
            + draw.normal(0, noise_sd, (seeds, documents))
        )
        result = mean_interval(values)
        hits += result["low"] <= 0 <= result["high"]
    return hits / runs


@pytest.mark.parametrize(
    ("seeds", "documents", "seed_sd", "document_sd", "noise_sd"),
    [
        (1, 20, 0.0, 1.0, 0.3),
        (2, 50, 0.0, 1.0, 0.3),
        (2, 50, 0.1, 1.0, 0.3),
        (3, 30, 1.0, 0.1, 0.1),
        (3, 100, 0.2, 1.0, 1.0),
        (5, 8, 0.5, 0.5, 0.5),
    ],
)
def test_it_covers_the_truth(seeds, documents, seed_sd, document_sd, noise_sd):
    assert coverage(seeds, documents, seed_sd, document_sd, noise_sd) >= 0.9


def test_two_seeds_that_differ_more_than_documents_do_are_its_weak_spot():
    """Known and documented: a single degree of freedom, mixed with the documents' many, is not enough."""
    assert 0.84 <= coverage(2, 50, 1.0, 1.0, 0.3) <= 0.93
    assert coverage(3, 50, 1.0, 1.0, 0.3) >= 0.9


def test_it_is_not_wider_than_it_must_be():
    assert coverage(1, 20, 0.0, 1.0, 0.0) <= 0.975
    assert coverage(3, 30, 1.0, 0.1, 0.0) <= 0.985


def test_pairing_removes_what_both_arms_share():
    draw = np.random.default_rng(0)
    shared = draw.normal(0, 5.0, (2, 40))
    first, second = shared + 0.1, shared + draw.normal(0, 0.01, (2, 40))
    paired = mean_interval(first - second)
    assert paired["low"] > 0.05
    assert paired["mean"] == pytest.approx(mean_interval(first)["mean"] - mean_interval(second)["mean"])
    assert mean_interval(first)["high"] - mean_interval(first)["low"] > 2.0


def test_a_document_that_lacks_one_value_is_left_out_whole():
    table = np.array([[1.0, np.nan, 3.0, 5.0], [1.0, 100.0, 3.0, np.inf]])
    result = mean_interval(table)
    assert result == mean_interval(table[:, [0, 2]])
    assert (result["mean"], result["documents"]) == (2.0, 2)


def test_too_few_documents_give_no_interval():
    assert mean_interval([[2.0], [4.0]]) == {"mean": 3.0, "low": None, "high": None, "documents": 1, "seeds": 2}
    nothing = {"mean": None, "low": None, "high": None, "documents": 0}
    assert mean_interval([[np.nan, np.nan]]) == nothing | {"seeds": 1}
    assert mean_interval(np.empty((3, 0))) == nothing | {"seeds": 3}


def test_equal_values_give_an_interval_of_width_zero():
    result = mean_interval(np.full((2, 5), 1.25))
    assert (result["low"], result["mean"], result["high"]) == (1.25, 1.25, 1.25)


def test_a_corrected_interval_is_students():
    values = np.random.default_rng(0).normal(0.3, 1.0, 40)
    one = corrected_interval(values, 1)
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (one["low"], one["high"]) == pytest.approx((reference.low, reference.high))
    many = corrected_interval(values, 50)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(1 - 0.05 / 50)
    assert (many["low"], many["high"]) == pytest.approx((wanted.low, wanted.high))
    assert corrected_interval([0.5], 3) == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert corrected_interval([0.5, 0.5], 3) == {"mean": 0.5, "low": 0.5, "high": 0.5}


@pytest.mark.parametrize("count", [2, 37, 200])
def test_kept_resamples_are_those_that_scipy_draws(count, monkeypatch):
    values = np.random.default_rng(count).normal(size=count)
    kept = statistics.bootstrap_interval(values, 5)
    monkeypatch.setattr(statistics, "_MOST_CACHED", 0)
    drawn = statistics.bootstrap_interval(values, 5)
    assert list(kept.values()) == pytest.approx(list(drawn.values()), rel=1e-12)


def test_more_comparisons_widen_the_interval():
    values = np.random.default_rng(0).normal(3.0, 1.0, (1, 23))
    half = stats.sem(values[0]) * stats.t.ppf(1 - 0.025 / 8, 22)
    result = mean_interval(values, comparisons=8)
    assert (result["low"], result["high"]) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-12)
    assert mean_interval(values, comparisons=1) == mean_interval(values)
