"""The rules by which a candidate may be selected, on losses whose answer is known."""

import numpy as np
import pytest

from posembed.quality.search.language.candidates import Candidate
from posembed.quality.search.language.selection import best_short, longer_gain, nowhere_worse, ranked


def losses(values, kept=0):
    return Candidate("tile", {}, kept, {64: np.array(values)})


def test_no_length_is_given_up_for_another(candidate):
    old = candidate({128: 0.1, 256: 0.3, 512: 0.6, 1024: 0.8}).outcomes
    assert nowhere_worse(candidate({128: 0.1, 256: 0.3, 512: 0.5, 1024: 0.7}), old)
    assert not nowhere_worse(candidate({128: 0.1, 256: 0.4, 512: 0.1, 1024: 0.1}), old)


def test_a_loss_is_worse_where_it_is_higher():
    assert nowhere_worse(losses([1.0, 1.1, 0.9]), {64: np.array([1.1, 1.2, 0.95])})
    assert not nowhere_worse(losses([1.0, 1.1, 0.9]), {64: np.array([0.9, 1.0, 0.85])})


@pytest.mark.parametrize(("shift", "tolerated"), [(0.95, True), (1.05, False)])
def test_the_tolerance_is_one_standard_error(shift, tolerated):
    noise = np.random.default_rng(0).normal(0, 1, 50)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * np.sqrt(50)  # the standard error of its mean is 1
    assert nowhere_worse(losses(noise + shift), {64: np.zeros(50)}) == tolerated


def test_short_inputs_read_the_old_table_up_to_where_the_new_one_is_better(candidate):
    old = candidate({128: 0.1, 256: 0.3, 512: 0.6, 1024: 0.8}).outcomes
    found = best_short(candidate({128: 0.5, 256: 0.3, 512: 0.4, 1024: 0.4}), old, 512)
    assert (found.kept, found.values) == (256, {128: 0.1, 256: 0.3, 512: 0.4, 1024: 0.4})
    assert best_short(candidate({128: 0.0, 256: 0.1, 512: 0.1, 1024: 0.1}), old, 512).kept == 128  # one at least
    assert best_short(candidate({128: 0.9, 256: 0.9, 512: 0.9, 1024: 0.1}), old, 512).kept == 512
    up_and_down = best_short(candidate({128: 0.0, 256: 0.5, 512: 0.7, 1024: 0.1}), old, 512)
    assert up_and_down.kept == 512  # any other limit would be worse at some length
    assert nowhere_worse(up_and_down, old)
    hopeless = best_short(candidate({128: 0.1, 256: 0.3, 512: 0.6, 1024: 0.9}), old, 512)
    assert hopeless.values[1024] == 0.9


@pytest.mark.parametrize("loss", [-0.1, 0.1])
def test_the_shortest_measured_length_is_the_old_one(loss):
    old = {n: np.array([1.0, 1.2, 1.1]) for n in (64, 128)}
    assert best_short(Candidate("tile", {}, 0, {64: old[64] + loss, 128: old[128] - 0.2}), old, 64).kept == 64


def test_candidates_that_lose_somewhere_come_last(candidate):
    old = candidate({64: 0.3, 128: 0.8}).outcomes
    high, low, worse = candidate({64: 0.2, 128: 0.5}), candidate({64: 0.2, 128: 0.7}), candidate({64: 0.5, 128: 0.0})
    assert worse.worth > high.worth > low.worth
    assert ranked([worse, low, high], old) == [high, low, worse]


def test_the_gain_is_that_beyond_the_old_table_and_its_interval_widens_with_the_candidates():
    old = {64: np.full(9, 5.0), 128: np.linspace(2, 3, 9)}
    one = Candidate("tile", {}, 0, {64: np.zeros(9), 128: old[128] - np.tile([0.1, 0.2, 0.3], 3)})
    single, many = (longer_gain(one, old, 64, count) for count in (1, 30))
    assert single["mean"] == many["mean"] == pytest.approx(0.2)
    assert many["low"] < single["low"] < 0.2 < single["high"] < many["high"]
