"""Unusual rows: what counts as far, and where nothing is said."""

import numpy as np
import pytest

from posembed.tables.trained_range.outlier_rows import outlier_rows


def with_norms(norms):
    """One number a row: its size is the norm."""
    return np.asarray(norms, dtype=float)[:, None]


def level(rows=100, spread=0.01, seed=0):
    return np.exp(spread * np.random.default_rng(seed).standard_normal(rows))


def reference(norms):
    """Each row against the median of the 15 positions around it, or of the nearest 15 at the ends."""
    n = len(norms)
    if n < 15 or min(norms) <= 0:
        return ()
    change = []
    for t in range(n):
        begin = min(max(0, t - 7), n - 15)
        change.append(np.log(norms[t]) - np.log(np.median(norms[begin : begin + 15])))
    middle = np.median(change)
    spread = 1.482602218505602 * np.median(np.abs(np.array(change) - middle))
    far = [t for t in range(n) if abs((change[t] - middle) / spread) > 6 and abs(np.exp(change[t]) - 1) > 0.2]
    return tuple(far) if len(far) <= 0.1 * n else ()


@pytest.mark.parametrize("rows", [15, 16, 40, 100])
@pytest.mark.parametrize("spread", [0.005, 0.02, 0.04, 0.06])
def test_as_the_reference(rows, spread):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        norms = level(rows, spread, seed)
        norms[rng.integers(0, rows, max(1, rows // 14))] *= rng.choice([0.5, 0.85, 1.15, 1.3, 2.0])
        norms[[0, -1]] *= rng.choice([0.7, 1.0, 1.3], 2)
        assert outlier_rows(with_norms(norms)) == reference(norms)


def test_rows_that_stand_out():
    rows = np.random.default_rng(0).standard_normal((100, 64))
    assert outlier_rows(rows) == ()
    rows[[0, 50, 99]] *= [[3.0], [0.5], [2.0]]
    assert outlier_rows(rows) == (0, 50, 99)
    assert outlier_rows(rows * np.linspace(1, 5, 100)[:, None]) == (0, 50, 99)  # a trend is not unusual
    assert outlier_rows(np.zeros((100, 4))) == ()


@pytest.mark.parametrize(("factor", "unusual"), [(1.19, False), (1.22, True), (0.81, False), (0.78, True)])
def test_a_fifth_of_the_norm(factor, unusual):
    norms = np.exp(0.001 * np.sin(np.arange(100.0)))
    norms[40] *= factor
    assert (40 in outlier_rows(with_norms(norms))) == unusual


@pytest.mark.parametrize(("deviations", "unusual"), [(5.0, False), (7.0, True)])
def test_six_robust_deviations(deviations, unusual):
    """Norms that alternate around 1 by 10 %: the robust deviation of their logarithms is 1.48 times that."""
    change = 0.1 * np.where(np.arange(101) % 2, 1.0, -1.0)
    change[::4] = 0.0
    spread = 1.4826 * np.median(np.abs(change - np.median(change)))
    change[52] = deviations * spread
    assert (52 in outlier_rows(with_norms(np.exp(change)))) == unusual


@pytest.mark.parametrize("rows", [14, 15])
def test_fifteen_rows_are_needed(rows):
    norms = level(rows)
    norms[3] *= 3
    assert (outlier_rows(with_norms(norms)) == (3,)) == (rows == 15)


def test_a_row_of_zeros_is_no_logarithm():
    norms = level()
    norms[[10, 20]] = 0, 3
    with np.errstate(all="raise"):
        assert outlier_rows(with_norms(norms)) == ()


@pytest.mark.parametrize(("count", "unusual"), [(10, True), (11, False)])
def test_of_more_than_a_tenth_none_is_unusual(count, unusual):
    norms = level()
    norms[5 : 5 + 8 * count : 8] *= 3
    assert len(outlier_rows(with_norms(norms))) == (count if unusual else 0)


def test_seven_neighboring_rows_stand_out_and_eight_do_not():
    for run, found in ((7, True), (8, False)):
        norms = level(200)
        norms[100 : 100 + run] *= 3
        assert (100 in outlier_rows(with_norms(norms))) == found


def test_equal_norms_but_one():
    norms = np.ones(60)
    norms[30] = 2
    assert outlier_rows(with_norms(norms)) == (30,)
