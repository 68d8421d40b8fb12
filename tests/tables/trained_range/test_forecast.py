"""Each row predicted from those before it."""

import numpy as np
import pytest
from scipy import stats

from posembed.tables.trained_range.forecast import Forecast, trained_density
from posembed.tables.trained_range.thresholds import MEMORIES

WIDTH = 16


def plain(rows, size=1.0):
    return stats.norm.logpdf(rows, scale=size).sum(axis=1)


def gains(rows, excitations=None):
    return trained_density(rows, np.zeros((len(rows), 0)) if excitations is None else excitations) - plain(rows)


def test_random_rows_are_hardly_less_likely_as_trained_ones():
    rows = np.random.default_rng(0).normal(size=(200, WIDTH))
    assert -20 < gains(rows).sum() < 5


@pytest.mark.parametrize("change", ["mean", "scatter", "size"])
def test_what_rows_have_in_common_is_learned(change):
    rows = np.random.default_rng(0).normal(size=(100, WIDTH))
    if change == "mean":
        rows[:, 0] += 2
    elif change == "scatter":
        rows[:, 0] *= 4
    else:
        rows *= 0.5
    assert gains(rows)[20:].mean() > 0.7


def test_a_change_is_followed():
    rows = np.random.default_rng(0).normal(size=(200, WIDTH))
    rows[:100, 0] += 3
    rows[100:, 0] -= 3
    found = gains(rows)
    assert found[103] < 0 < found[150:].mean()


def test_excitations_multiply_the_density():
    rng = np.random.default_rng(0)
    rows, excited = rng.normal(size=(100, WIDTH)), rng.normal(size=(100, 3))
    assert abs((gains(rows, excited) - gains(rows)).sum()) < 10
    excited[:, 0] += 2
    assert (gains(rows, excited) - gains(rows))[10:].mean() > 1


def test_a_first_row_has_the_density_of_the_prior():
    row = np.array([0.5])
    normal, student = stats.norm.pdf(0.5, scale=2.0), stats.t.pdf(0.5, 2, scale=np.sqrt(2 * 4.0))
    found = Forecast(1, 4.0, learns_variance=True).density(row)
    assert np.allclose(found, [np.log(normal / 2 + student / 2)] * len(MEMORIES))
