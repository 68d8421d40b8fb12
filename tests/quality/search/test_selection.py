"""Of equals the one that keeps most rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.quality.search.selection import preferred, standard_error


def candidate(kept, **outcomes):
    found = {name: np.asarray(values, dtype=float) for name, values in outcomes.items()}
    return SimpleNamespace(kept=kept, outcomes=found, worth=float(np.mean([v.mean() for v in found.values()])))


def unit_noise():
    noise = np.random.default_rng(0).normal(0, 1, 50)
    return (noise - noise.mean()) / noise.std(ddof=1) * np.sqrt(50)  # the standard error of its mean is 1


@pytest.mark.parametrize(("shift", "equal"), [(0.95, True), (1.05, False)])
def test_the_tolerance_is_one_standard_error(shift, equal):
    assert standard_error(unit_noise()) == pytest.approx(1)
    best, near = candidate(0, a=np.zeros(50)), candidate(9, a=unit_noise() - shift)
    assert (preferred([best, near]) is near) == equal


@pytest.mark.parametrize(("shift", "equal"), [(0.68, True), (0.73, False)])
def test_errors_of_several_sets_are_independent(shift, equal):
    """Two sets with a standard error of 1 each: their mean has 1/√2."""
    best = candidate(0, a=np.zeros(50), b=np.zeros(50))
    near = candidate(9, a=unit_noise() - shift, b=unit_noise() - shift)
    assert (preferred([best, near]) is near) == equal


def test_a_single_document_has_no_error():
    one, two = candidate(0, a=[0.5]), candidate(9, a=[0.4])
    assert preferred([one, two]) is one


def test_of_equals_the_one_that_keeps_most_rows():
    def at_random(kept, accuracy, documents, seed):
        outcomes = np.zeros(documents)
        outcomes[np.random.default_rng(seed).permutation(documents)[: round(accuracy * documents)]] = 1.0
        return candidate(kept, a=outcomes)

    best, near, far = at_random(0, 0.80, 200, 1), at_random(128, 0.78, 200, 2), at_random(256, 0.65, 200, 3)
    assert preferred([best, near, far]) is near
    assert preferred([best, far]) is best
    assert preferred([at_random(0, 0.80, 20000, 1), at_random(128, 0.78, 20000, 2)]).kept == 0


def test_of_those_that_keep_equally_many_the_best():
    noise = np.random.default_rng(0).normal(0, 1, 50)
    noise -= noise.mean()
    low, high = (candidate(8, a=mean + noise * k) for k, mean in ((2, 0.0), (1, 0.1)))
    assert preferred([low, high]) is preferred([high, low]) is high


def test_outcomes_are_compared_document_by_document():
    """Documents differ by a nat and more, two methods by a tenth: the same documents show the difference."""
    shared = np.random.default_rng(0).normal(0, 1, 60)
    low, high = (
        candidate(kept, a=-(loss + shared + np.random.default_rng(kept).normal(0, 0.1, 60)))
        for kept, loss in ((10, 2.0), (64, 2.1))
    )
    assert preferred([high, low]) is low
