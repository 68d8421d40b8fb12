from fractions import Fraction
from itertools import combinations, pairwise

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from posembed.tables.measures.rank_correlation import rank_correlation
from posembed.tables.measures.similarity import (
    cosine_matrix,
    distance_curve,
    measure_similarity,
    monotonicity,
    toeplitz_r2,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_cosines_against_loops():
    table = drawn(7, 4) + 3.0
    centered = table - table.mean(axis=0)
    found = cosine_matrix(table)
    for i in range(7):
        for j in range(7):
            expected = centered[i] @ centered[j] / (np.linalg.norm(centered[i]) * np.linalg.norm(centered[j]))
            assert found[i, j] == pytest.approx(expected, abs=1e-12)
    assert np.abs(found).max() <= 1.0


def test_the_cosine_of_a_row_that_is_the_mean_is_zero():
    found = cosine_matrix(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]))
    assert found.tolist() == [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def share_explained(cosines, classes):
    """1 − variance within classes over variance, pair by pair."""
    groups = {}
    for pair, name in classes.items():
        groups.setdefault(name, []).append(cosines[pair])
    values = np.array([cosines[pair] for pair in classes])
    within = sum(((np.array(group) - np.mean(group)) ** 2).sum() for group in groups.values())
    return 1 - within / ((values - values.mean()) ** 2).sum()


@pytest.mark.parametrize(("rows", "width"), [(3, 2), (20, 1), (63, 60), (64, 5), (17, 90)])
def test_translation_invariance_against_the_pairs(rows, width):
    table = np.cumsum(drawn(rows, width), axis=0)
    cosines = cosine_matrix(table)
    expected = share_explained(cosines, {(i, j): j - i for i, j in combinations(range(rows), 2)})
    assert toeplitz_r2(table) == pytest.approx(expected, abs=1e-9)
    assert toeplitz_r2(1e-300 * table[::-1]) == pytest.approx(expected, abs=1e-9)
    assert toeplitz_r2(1e150 * table) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("grid", [(4, 5), (5, 4), (2, 2), (1, 9), (7, 3)])
def test_translation_invariance_of_a_grid_against_the_pairs(grid):
    height, width = grid
    table = drawn(height * width, 6, 1)
    places = [(i // width, i % width) for i in range(height * width)]
    classes = {
        (i, j): (places[j][0] - places[i][0], places[j][1] - places[i][1])
        for i, j in combinations(range(height * width), 2)
    }
    assert toeplitz_r2(table, grid) == pytest.approx(share_explained(cosine_matrix(table), classes), abs=1e-9)


def test_a_circle_is_translation_invariant_and_noise_is_not():
    angle = np.arange(64) * 2 * np.pi / 64
    assert toeplitz_r2(np.stack((np.cos(angle), np.sin(angle)), axis=1)) == pytest.approx(1.0)
    noise = np.mean([toeplitz_r2(drawn(200, 30, seed)) for seed in range(12)])
    assert noise == pytest.approx(198 / 19899, rel=0.1)  # what 199 distances explain of 19,900 independent pairs


@pytest.mark.parametrize(("rows", "width"), [(1, 3), (2, 3), (40, 6), (63, 2)])
def test_the_curve_over_distance_against_diagonals(rows, width):
    table = drawn(rows, width, 2)
    cosines = cosine_matrix(table)
    expected = [np.diagonal(cosines, k).mean() for k in range(rows)]
    np.testing.assert_allclose(distance_curve(table), expected, atol=1e-9)


def test_the_curve_of_a_grid_counts_rounded_distances():
    table = drawn(12, 4, 3)
    cosines, places = cosine_matrix(table), np.array([(i // 4, i % 4) for i in range(12)])
    distance = np.rint(np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))).astype(int)
    expected = [cosines[distance == k].mean() for k in range(distance.max() + 1)]
    np.testing.assert_allclose(distance_curve(table, (3, 4)), expected, atol=1e-9)


@pytest.mark.parametrize(("rows", "grid"), [(30, None), (511, None), (30, (5, 6))])
def test_ranks_against_scipy(rows, grid):
    table = np.cumsum(drawn(rows, 8, 4), axis=0)
    cosines = cosine_matrix(table)
    width = 1 if grid is None else grid[1]
    pairs = list(combinations(range(rows), 2))
    near = [-np.hypot(i // width - j // width, i % width - j % width) for i, j in pairs]
    expected = spearmanr([cosines[pair] for pair in pairs], near).statistic
    found = measure_similarity(table, grid)
    assert found.pairs == "all"
    assert found.spearman == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("table", "grid"), [(drawn(600, 5), None), (drawn(12, 3), (3, 4)), (np.ones((9, 2)), None)])
def test_each_measure_alone_is_that_of_the_record(table, grid):
    record = measure_similarity(table, grid)
    assert rank_correlation(table, grid) == record.spearman
    assert monotonicity(table, grid) == record.monotonicity
    assert toeplitz_r2(table, grid) == record.toeplitz_r2


def test_large_tables_are_thinned_for_ranks_alone():
    table = np.cumsum(drawn(1100, 8, 5), axis=0)
    found = measure_similarity(table)
    assert found.pairs == "one row in 3"
    assert len(found.by_distance) == 1100
    thin = table[::3] - table.mean(axis=0)
    unit = thin / np.linalg.norm(thin, axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), 1)
    expected = spearmanr((unit @ unit.T)[first, second], -(second - first)).statistic
    assert found.spearman == pytest.approx(expected, abs=1e-9)


def test_monotonicity_counts_falling_steps():
    angle = np.linspace(0, np.pi / 2, 30)
    table = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    curve = distance_curve(table)[1:]
    assert measure_similarity(table).monotonicity == pytest.approx(np.mean(curve[1:] < curve[:-1]))


@pytest.mark.parametrize("table", [np.ones((30, 3)), np.ones((1, 3)), np.array([[1.0], [2.0]]), np.zeros((4, 2))])
def test_what_is_not_defined_is_none(table):
    found = measure_similarity(table)
    assert (found.toeplitz_r2, found.spearman, found.monotonicity) == (None, None, None)
    assert len(found.by_distance) == len(table)


@given(st.integers(3, 24), st.integers(2, 9), st.integers(-300, 300), st.integers(0, 2**31))
def test_scale_place_and_direction_do_not_matter(rows, width, exponent, seed):
    table = drawn(rows, width, seed)
    turned = 2.0**exponent * table @ np.linalg.qr(drawn(width, width, seed + 1))[0] + 3.0 * 2.0**exponent
    a, b = measure_similarity(table), measure_similarity(turned)
    for other in (b, measure_similarity(table[::-1])):
        assert a.toeplitz_r2 == pytest.approx(other.toeplitz_r2, abs=1e-9)
        assert a.spearman == pytest.approx(other.spearman, abs=1e-9)
        assert a.monotonicity == other.monotonicity
        np.testing.assert_allclose(a.by_distance, other.by_distance, rtol=0, atol=1e-9)


def curve_of_signs(rows):
    """Exact mean cosine at each distance of a straight line: −1 or 1 by the side of the middle."""
    side = [0 if 2 * i == rows - 1 else (-1 if 2 * i < rows - 1 else 1) for i in range(rows)]
    return [Fraction(sum(side[i] * side[i + k] for i in range(rows - k)), rows - k) for k in range(rows)], side


@pytest.mark.parametrize("rows", [3, 8, 12, 63, 64, 100])
@pytest.mark.parametrize("width", [1, 2, 60])
def test_a_straight_line_in_exact_numbers(rows, width):
    """From half the rows on all cosines are −1: level, however the numbers are rounded, and ties among the ranks."""
    curve, side = curve_of_signs(rows)
    table = (np.arange(rows) - (rows - 1) / 2)[:, None] * np.arange(1.0, width + 1)  # so the middle row is an exact 0
    pairs = list(combinations(range(rows), 2))
    rank = spearmanr([side[i] * side[j] for i, j in pairs], [i - j for i, j in pairs]).statistic
    for each in (table, table[::-1]):
        np.testing.assert_allclose(distance_curve(each), [float(value) for value in curve], rtol=0, atol=1e-12)
        falls = sum(b < a for a, b in pairwise(curve[1:]))
        assert monotonicity(each) == pytest.approx(falls / (rows - 2))
        assert rank_correlation(each) == pytest.approx(rank, abs=1e-9)


def test_the_middle_of_a_line_has_no_direction():
    line = np.arange(63.0)[:, None] * np.array([[0.1, 0.7, 1.3]])  # row 31 is the mean
    middle = cosine_matrix(line)[31]
    np.testing.assert_allclose(middle, 0, rtol=0, atol=1e-9)


@pytest.mark.parametrize("rows", [12, 63, 64])
def test_equal_cosines_of_a_circle_share_their_rank(rows):
    angle = np.arange(rows) * 2 * np.pi / rows
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    pairs = list(combinations(range(rows), 2))
    apart = [-min(j - i, rows - j + i) for i, j in pairs]  # the nearer around the circle, the more alike
    expected = spearmanr(apart, [i - j for i, j in pairs]).statistic
    for each in (circle, circle[::-1], circle @ np.linalg.qr(drawn(2, 2))[0], circle @ np.eye(2, 9) + 0.25):
        assert rank_correlation(each) == pytest.approx(expected, abs=1e-9)


def by_pairs(table, grid):
    """All four measures from plain loops over pairs of patches."""
    height, width = grid
    rows = [row - table.mean(axis=0) for row in table]
    cosine, offset, distance = {}, {}, {}
    for i, j in combinations(range(height * width), 2):
        down, right = j // width - i // width, j % width - i % width
        cosine[i, j] = rows[i] @ rows[j] / (np.linalg.norm(rows[i]) * np.linalg.norm(rows[j]))
        offset[i, j], distance[i, j] = (down, right), (down**2 + right**2) ** 0.5
    curve = {0: [1.0]}
    for pair, value in cosine.items():
        curve.setdefault(round(distance[pair]), []).append(value)
    means = [np.mean(curve[k]) for k in sorted(curve)]
    falls = np.mean([b < a for a, b in pairwise(means[1:])])
    rank = spearmanr(list(cosine.values()), [-each for each in distance.values()]).statistic
    return share_explained(cosine, offset), falls, rank, means


@pytest.mark.parametrize("width", [2, 60])
@pytest.mark.parametrize("grid", [(1, 9), (9, 1), (3, 5), (5, 3), (7, 9), (8, 8)])
def test_every_measure_of_a_grid_against_pairs_of_patches(grid, width):
    table = np.cumsum(drawn(grid[0] * grid[1], width, 8), axis=0)
    found, (explained, falls, rank, means) = measure_similarity(table, grid), by_pairs(table, grid)
    assert found.toeplitz_r2 == pytest.approx(explained, abs=1e-9)
    assert found.monotonicity == pytest.approx(falls)
    assert found.spearman == pytest.approx(rank, abs=1e-9)
    np.testing.assert_allclose(found.by_distance, means, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_measured_as_the_numbers_it_holds(dtype):
    table = drawn(40, 6, 9).astype(dtype)
    assert measure_similarity(table) == measure_similarity(table.astype(np.float64))
