import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm

from posembed.tables.trained_range.change_point import find_boundary
from posembed.tables.trained_range.norm_step import sharpest_step
from posembed.tables.trained_range.outlier_rows import odd_rows
from posembed.tables.trained_range.tail_tests import LEAST_TAIL, tail_tests


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize("start", [0, 7, 30])
def test_the_tests_against_their_formulas(start):
    rows = drawn(60, 12, 1) + 0.1
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


def test_short_tails_say_nothing():
    found = tail_tests(drawn(20, 6))
    assert np.isnan(found.combined()[20 - LEAST_TAIL + 1 :]).all()
    assert np.isfinite(found.combined()[: 20 - LEAST_TAIL + 1]).all()


@pytest.mark.parametrize("name", ["mean", "neighbours", "norms", "trend", "columns"])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_p_values_of_draws_are_uniform(name, kind):
    values = []
    for seed in range(400):
        draw = np.random.default_rng(seed)
        rows = draw.normal(size=(40, 48)) if kind == "normal" else draw.uniform(-1, 1, (40, 48))
        values.append(getattr(tail_tests(rows), name)[0])
    assert kstest(values, "uniform").pvalue > 0.001
    assert np.mean(np.array(values) < 0.01) < 0.04


@pytest.mark.parametrize("end", [60, 97])
def test_the_boundary_is_found_to_a_row_or_two(end):
    draw = np.random.default_rng(end)
    rows = draw.normal(size=(200, 64))
    rows[:end] += 0.6 * draw.normal(size=64)
    found = find_boundary(rows, 40, 1.0, 2.0)
    assert abs(found.place - end) <= 3
    assert found.low <= found.place <= found.high
    assert found.gain > 50
    assert find_boundary(rows, 5, 1.0, 2.0) is None


def test_no_boundary_gains_anything_among_trained_rows():
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(200, 64)) + 1.2 * draw.normal(size=64)
    assert find_boundary(rows, 100, 1.0, 2.0).gain < 10


def test_odd_rows():
    rows = drawn(100, 64)
    assert odd_rows(rows) == ()
    rows[[0, 50, 99]] *= [[3.0], [0.5], [2.0]]
    assert odd_rows(rows) == (0, 50, 99)
    assert odd_rows(rows * np.linspace(1, 5, 100)[:, None]) == (0, 50, 99)  # a trend is not odd
    assert odd_rows(np.zeros((100, 4))) == ()
    assert odd_rows(rows[:10]) == ()
    many = drawn(100, 64, 1)
    many[::6] *= 4  # a pattern, not oddness
    assert odd_rows(many) == ()


def test_steps():
    rows = drawn(300, 64)
    assert sharpest_step(rows) is None
    assert sharpest_step(rows * np.linspace(1, 3, 300)[:, None]) is None  # a trend is no step
    stepped = rows * np.where(np.arange(300) < 140, 1, 1.7)[:, None]
    found = sharpest_step(stepped)
    assert abs(found.place - 140) <= 2
    assert found.norm_after / found.norm_before == pytest.approx(1.7, rel=0.05)
    assert found.cosine_before == pytest.approx(found.cosine_after, abs=0.05)
    stepped[:140] += 3.0
    found = sharpest_step(stepped)
    assert found.cosine_before > found.cosine_after + 0.2
    assert sharpest_step(rows[:10]) is None
