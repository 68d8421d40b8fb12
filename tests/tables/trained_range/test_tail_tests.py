import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm

from posembed.tables.trained_range.tail_tests import TailTests, excess_of, tail_tests


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize("start", [0, 7, 30, 55])
@pytest.mark.parametrize("power", [1, 3])
def test_the_tests_against_their_formulas(start, power):
    rows = drawn(60, 12, 1) ** power + 0.1
    tail = rows[start:]
    m, d = tail.shape
    variance = (tail**2).mean()
    excess = (tail**4).mean() / variance**2 - 1
    sizes = (tail**2).sum(axis=1)
    half = m // 2
    gap = sizes[:half].mean() - sizes[half:].mean()
    columns = (tail**2).sum(axis=0) / variance
    expected = {
        "mean": chi2.sf(m * (tail.mean(axis=0) ** 2).sum() / variance, d),
        "neighbours": 2 * norm.sf(abs((tail[1:] * tail[:-1]).sum()) / (variance * np.sqrt((m - 1) * d))),
        "norms": chi2.sf(((sizes / variance - d) ** 2).sum() / (d * excess), m - 1),
        "trend": 2 * norm.sf(abs(gap) / (variance * np.sqrt(d * excess * (1 / half + 1 / (m - half))))),
        "columns": chi2.sf(((columns - m) ** 2).sum() / (m * excess), d - 1),
    }
    found = tail_tests(rows)
    for name, value in expected.items():
        assert getattr(found, name)[start] == pytest.approx(value, rel=1e-6), name
    assert found.combined()[start] == pytest.approx(min(1, 5 * min(expected.values())))
    assert found.weakest(start) == (min(expected, key=expected.get), pytest.approx(min(expected.values())))


def test_tails_of_fewer_than_five_rows_say_nothing():
    found = tail_tests(drawn(20, 6))
    assert np.isnan(found.combined()).tolist() == [False] * 16 + [True] * 4


@pytest.mark.parametrize("name", ["mean", "neighbours", "norms", "trend", "columns"])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_p_values_of_draws_are_uniform(name, kind):
    values = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(40, 48)) if kind == "normal" else rng.uniform(-1, 1, (40, 48))
        values.append(getattr(tail_tests(rows), name)[0])
    assert kstest(values, "uniform").pvalue > 0.001
    assert np.mean(np.array(values) < 0.01) < 0.04


def trace(name, rows):
    """Rows with one trace of training, which the test of that name sees."""
    t = np.arange(len(rows))[:, None]
    if name == "mean":
        return rows + 1.0
    if name == "neighbours":
        return rows + 2 * np.concatenate((rows[1:], rows[:1]))
    if name == "norms":
        return rows * np.where(t % 2, 3.0, 1.0)
    if name == "trend":
        return rows * np.where(t < len(rows) // 2, 1.6, 1.0)
    return rows * np.where(np.arange(rows.shape[1]) % 2, 3.0, 1.0)


@pytest.mark.parametrize("name", ["mean", "neighbours", "norms", "trend", "columns"])
def test_each_test_sees_its_trace(name):
    found = tail_tests(trace(name, drawn(64, 32)))
    assert getattr(found, name)[0] < 1e-8
    assert found.combined()[0] < 1e-7


def test_combined_is_five_times_the_smallest_and_at_most_one():
    tests = TailTests(*(np.array([value, 0.5]) for value in (0.5, 0.01, 0.3, 0.9, 0.2)))
    assert tests.combined().tolist() == [pytest.approx(0.05), 1.0]
    assert tests.weakest(0) == ("neighbours", 0.01)


def test_excess_of_numbers_of_one_size_is_not_zero():
    assert excess_of(np.array([3.0, 1.8, 1.0]), np.array([1.0, 1.0, 1.0])) == pytest.approx([2.0, 0.8, 0.05])
    assert excess_of(np.array([12.0]), np.array([2.0])) == pytest.approx([2.0])
    assert np.isfinite(tail_tests(np.where(drawn(30, 8) > 0, 1.0, -1.0)).combined()[:26]).all()


def test_tiny_numbers_do_not_vanish():
    one, other = tail_tests(drawn(30, 8)), tail_tests(drawn(30, 8) * 1e-60)
    np.testing.assert_allclose(one.combined()[:26], other.combined()[:26], rtol=1e-9)
    assert np.isfinite(tail_tests(drawn(30, 8) * 1e-200).mean[:26]).all()
