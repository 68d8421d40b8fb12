"""The rules by which a candidate is selected, on outcomes whose answer is known."""

import numpy as np
import pytest

from posembed.quality.search.candidates import Candidate
from posembed.quality.search.measure import ACCURACY, LOSS
from posembed.quality.search.selection import best_short, nowhere_worse, preferred, ranked


def losses(values, kept=0):
    return Candidate("tile", {}, kept, LOSS, {64: np.array(values)})


def test_no_length_is_given_up_for_another(candidate):
    old = candidate({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.2}).outcomes
    assert nowhere_worse(candidate({128: 0.9, 256: 0.7, 512: 0.5, 1024: 0.3}), old)
    assert not nowhere_worse(candidate({128: 0.9, 256: 0.6, 512: 0.9, 1024: 0.9}), old)


def test_a_loss_is_worse_where_it_is_higher():
    assert nowhere_worse(losses([1.0, 1.1, 0.9]), {64: np.array([1.1, 1.2, 0.95])})
    assert not nowhere_worse(losses([1.0, 1.1, 0.9]), {64: np.array([0.9, 1.0, 0.85])})


@pytest.mark.parametrize(("shift", "tolerated"), [(0.95, True), (1.05, False)])
def test_the_tolerance_is_one_standard_error(shift, tolerated):
    noise = np.random.default_rng(0).normal(0, 1, 50)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * np.sqrt(50)  # the standard error of its mean is 1
    zeros = np.zeros(50)
    assert nowhere_worse(Candidate("tile", {}, 0, ACCURACY, {64: noise - shift}), {64: zeros}) == tolerated
    best, near = (Candidate("tile", {}, kept, ACCURACY, {64: v}) for kept, v in ((0, zeros), (9, noise - shift)))
    assert (preferred([best, near]) is near) == tolerated


def test_errors_of_several_lengths_are_independent():
    """Two lengths with a standard error of 1 each: their mean has 1/√2."""
    noise = np.random.default_rng(0).normal(0, 1, 50)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * np.sqrt(50)
    for shift, equal in ((0.68, True), (0.73, False)):
        best = Candidate("tile", {}, 0, ACCURACY, {64: np.zeros(50), 128: np.zeros(50)})
        near = Candidate("tile", {}, 9, ACCURACY, {64: noise - shift, 128: noise - shift})
        assert (preferred([best, near]) is near) == equal


def test_a_single_document_has_no_error():
    one, two = (Candidate("tile", {}, kept, ACCURACY, {64: np.array([v])}) for kept, v in ((0, 0.5), (9, 0.4)))
    assert preferred([one, two]) is one
    assert not nowhere_worse(two, {64: np.array([0.5])})


def test_short_inputs_read_the_old_table_up_to_where_the_new_one_is_better(candidate):
    old = candidate({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.2}).outcomes
    found = best_short(candidate({128: 0.5, 256: 0.7, 512: 0.6, 1024: 0.6}), old, 512)
    assert (found.kept, found.values) == (256, {128: 0.9, 256: 0.7, 512: 0.6, 1024: 0.6})
    assert best_short(candidate({128: 1.0, 256: 0.9, 512: 0.9, 1024: 0.9}), old, 512).kept == 128  # one at least
    assert best_short(candidate({128: 0.1, 256: 0.1, 512: 0.1, 1024: 0.9}), old, 512).kept == 512
    up_and_down = best_short(candidate({128: 1.0, 256: 0.5, 512: 0.3, 1024: 0.9}), old, 512)
    assert up_and_down.kept == 512  # any other limit would be worse at some length
    assert nowhere_worse(up_and_down, old)
    hopeless = best_short(candidate({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.1}), old, 512)
    assert hopeless.values[1024] == 0.1


@pytest.mark.parametrize(("gain", "kept"), [(-0.1, 64), (0.1, 64)])
def test_a_language_model_keeps_its_old_length(gain, kept):
    """Its shortest measured length is the old one."""
    old = {n: np.array([1.0, 1.2, 1.1]) for n in (64, 128)}
    better = Candidate("tile", {}, 0, LOSS, {64: old[64] + gain, 128: old[128] - 0.2})
    assert best_short(better, old, 64).kept == kept


def test_candidates_that_lose_somewhere_come_last(candidate):
    old = candidate({64: 0.7, 128: 0.2}).outcomes
    high, low, worse = candidate({64: 0.8, 128: 0.5}), candidate({64: 0.8, 128: 0.3}), candidate({64: 0.5, 128: 1.0})
    assert worse.worth > high.worth > low.worth
    assert ranked([worse, low, high], old) == [high, low, worse]


def test_of_equals_the_one_that_keeps_most_rows():
    def at_random(kept, accuracy, documents, seed):
        outcomes = np.zeros(documents)
        places = np.random.default_rng(seed).permutation(documents)
        outcomes[places[: round(accuracy * documents)]] = 1.0
        return Candidate("tile", {}, kept, ACCURACY, {512: outcomes})

    best, near, far = at_random(0, 0.80, 200, 1), at_random(128, 0.78, 200, 2), at_random(256, 0.65, 200, 3)
    assert preferred([best, near, far]) is near
    assert preferred([best, far]) is best
    assert preferred([at_random(0, 0.80, 20000, 1), at_random(128, 0.78, 20000, 2)]).kept == 0


def test_of_those_that_keep_equally_many_the_best():
    noise = np.random.default_rng(0).normal(0, 1, 50)
    noise -= noise.mean()
    low, high = (Candidate("tile", {}, 8, ACCURACY, {64: mean + noise * k}) for k, mean in ((2, 0.0), (1, 0.1)))
    assert preferred([low, high]) is preferred([high, low]) is high


def test_losses_are_compared_document_by_document():
    """Documents differ by a nat and more, two methods by a tenth: the same documents show the difference."""
    shared = np.random.default_rng(0).normal(0, 1, 60)
    low, high = (losses(loss + shared + np.random.default_rng(kept).normal(0, 0.1, 60), kept)
                 for kept, loss in ((10, 2.0), (64, 2.1)))  # fmt: skip
    assert preferred([high, low]) is low
