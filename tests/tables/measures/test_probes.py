import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.tables.measures.probes import LEAST_ROWS, PENALTY, order_probe, position_probe


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def ridge(known, values, asked):
    """Ridge regression as a least-squares problem with extra rows."""
    mean = known.mean(axis=0)
    _rows, width = known.shape
    weight = np.sqrt(PENALTY * ((known - mean) ** 2).sum() / width)
    design = np.concatenate((known - mean, weight * np.eye(width)))
    target = np.concatenate((values - values.mean(), np.zeros(width)))
    return (asked - mean) @ np.linalg.lstsq(design, target, rcond=None)[0] + values.mean()


@pytest.mark.parametrize(("rows", "width"), [(60, 5), (25, 90)])
def test_the_probe_against_least_squares(rows, width):
    table = np.cumsum(drawn(rows, width), axis=0)
    found = position_probe(table)
    t = np.arange(rows, dtype=float)
    fold = np.random.default_rng(0).permutation(rows) % 5
    guessed = np.empty(rows)
    for k in range(5):
        guessed[fold == k] = ridge(table[fold != k], t[fold != k], table[fold == k])
    assert found.mae == pytest.approx(np.abs(guessed - t).mean(), rel=1e-6)
    assert found.r2 == pytest.approx(1 - ((guessed - t) ** 2).sum() / ((t - t.mean()) ** 2).sum(), abs=1e-6)
    left, right = found.holdout
    assert (left, right) == (rows * 2 // 5, rows * 2 // 5 + rows // 5)
    away = (t < left) | (t >= right)
    held = ridge(table[away], t[away], table[left:right])
    assert found.holdout_mae == pytest.approx(np.abs(held - t[left:right]).mean(), rel=1e-6)


def test_random_rows_tell_no_position():
    found = position_probe(drawn(400, 16))
    assert -0.2 < found.r2 < 0.05
    assert found.mae == pytest.approx(100, rel=0.1)  # a quarter of the length: that of always guessing the middle


def test_random_rows_are_guesses_on_what_was_left_out():
    """The hold-out is the middle: even always guessing the mean errs there by a quarter of a fifth of the rows."""
    tables = [drawn(400, 16, seed) for seed in range(8)]
    assert np.mean([order_probe(table).accuracy for table in tables]) == pytest.approx(0.5, abs=0.03)
    found = [position_probe(table) for table in tables]
    assert max(each.holdout_r2 for each in found) < 0
    assert min(each.holdout_mae for each in found) > 400 / 20


def test_a_line_tells_all():
    line = np.linspace(0, 1e-30, 100)[:, None] * drawn(1, 7)
    found = position_probe(line)
    assert found.r2 > 0.99
    assert found.holdout_mae < 1
    assert order_probe(line).accuracy == 1.0
    assert order_probe(line).pairs == 4000


def test_rows_that_were_left_out_keep_their_places():
    line = np.arange(100.0)[:, None]
    thin = position_probe(line[::4], spacing=4)
    bare = position_probe(line[::4])
    assert (thin.mae, thin.r2) == pytest.approx((4 * bare.mae, bare.r2))  # four positions to a row
    assert (thin.holdout_mae, thin.holdout_r2) == pytest.approx((4 * bare.holdout_mae, bare.holdout_r2))
    assert thin.holdout == (40, 60)


def test_a_grid_is_read_off_by_its_axes():
    rows, columns = np.divmod(np.arange(48), 8)
    table = np.stack((rows, columns), axis=1) @ drawn(2, 5)
    found = position_probe(table, (6, 8))
    assert found.r2 > 0.99
    assert found.holdout == (16, 24)  # one row of patches
    assert position_probe(drawn(48, 5), (6, 8)).r2 < 0.3
    assert position_probe(np.arange(24.0)[:, None], (1, 24)).r2 > 0.99


@pytest.mark.parametrize("table", [drawn(LEAST_ROWS - 1, 4), np.ones((30, 4)), np.zeros((1, 2))])
def test_too_little_for_a_probe(table):
    assert position_probe(table) is None
    assert order_probe(table) is None


def without(table, places, asked, left_out):
    """Both coordinates of ``asked``, learned from the rows that are not left out."""
    return np.stack([ridge(table[~left_out], axis[~left_out], asked) for axis in places.T], axis=1)


@pytest.mark.parametrize("grid", [(6, 8), (8, 6), (4, 6), (5, 7), (1, 24), (24, 1)])
def test_the_probe_of_a_grid_against_least_squares_axis_by_axis(grid):
    height, width = grid
    table = np.cumsum(drawn(height * width, 7, 3), axis=0)
    places = np.array([(i // width, i % width) for i in range(height * width)], float)
    found = position_probe(table, grid)
    fold, guessed = np.random.default_rng(0).permutation(len(table)) % 5, np.empty_like(places)
    for k in range(5):
        guessed[fold == k] = without(table, places, table[fold == k], fold == k)
    varies = [axis for axis in (0, 1) if grid[axis] > 1]
    assert found.mae == pytest.approx(np.mean([np.abs(guessed - places)[:, axis].mean() for axis in varies]), rel=1e-6)
    explained = [1 - ((guessed - places)[:, a] ** 2).mean() / places[:, a].var() for a in varies]
    assert found.r2 == pytest.approx(np.mean(explained), abs=1e-6)
    count, unit = (height, width) if height >= 5 else (height * width, 1)  # whole rows of patches, if there are five
    left, right = count * 2 // 5 * unit, (count * 2 // 5 + count // 5) * unit
    assert found.holdout == (left, right)
    away = np.arange(len(table))
    away = (away >= left) & (away < right)
    held, true = without(table, places, table[left:right], away), places[left:right]
    axes = [axis for axis in (0, 1) if np.ptp(true[:, axis]) > 0]
    assert found.holdout_mae == pytest.approx(np.abs(held - true)[:, axes].mean(), rel=1e-6)
    explained = [1 - ((held - true)[:, a] ** 2).mean() / true[:, a].var() for a in axes]
    assert found.holdout_r2 == pytest.approx(np.mean(explained), rel=1e-6)


def test_one_row_of_patches_is_a_sequence():
    table = np.cumsum(drawn(24, 3), axis=0)
    ours, theirs = (dataclasses.astuple(position_probe(table, grid)) for grid in ((1, 24), None))
    assert ours[:4] == pytest.approx(theirs[:4], rel=1e-9)
    assert ours[4] == theirs[4]


@pytest.mark.parametrize(("rows", "width"), [(63, 60), (64, 2), (21, 90)])
def test_the_order_against_all_pairs_of_unseen_rows(rows, width):
    """Its 4,000 pairs are a sample: the accuracy over all pairs, by a map from all pairs seen, is close."""
    table = np.cumsum(drawn(rows, width, 4), axis=0)
    shuffled = np.random.default_rng(0).permutation(rows)
    seen, new = shuffled[: rows // 2], shuffled[rows // 2 :]
    pairs = np.array([(i, j) for i in seen for j in seen if i != j])
    score = ridge(table[pairs[:, 0]] - table[pairs[:, 1]], np.sign(pairs[:, 0] - pairs[:, 1]).astype(float), table)
    right = np.mean([(score[i] > score[j]) == (i > j) for i in new for j in new if i != j])
    found = order_probe(table)
    assert found.pairs == 4000
    assert found.accuracy == pytest.approx(right, abs=0.04)


@given(st.integers(LEAST_ROWS, 60), st.integers(1, 30), st.integers(-900, 900), st.integers(0, 2**31))
def test_neither_scale_nor_place_nor_direction_matters(rows, width, exponent, seed):
    table = drawn(rows, width, seed)
    found, order = position_probe(table), order_probe(table)
    assert position_probe(np.ldexp(table, exponent)) == found
    assert order_probe(np.ldexp(table, exponent)) == order
    turned = position_probe(table @ np.linalg.qr(drawn(width, width, seed + 1))[0] + 3.0)
    for name in ("mae", "r2", "holdout_mae", "holdout_r2"):
        assert getattr(turned, name) == pytest.approx(getattr(found, name), rel=1e-6, abs=1e-6)


def test_twenty_rows_are_enough():
    table = np.arange(20.0)[:, None]
    assert position_probe(table).holdout == (8, 12)
    assert order_probe(table).accuracy == 1.0


def test_only_the_first_half_teaches_the_order():
    shuffled = np.random.default_rng(0).permutation(60)
    line = np.arange(60.0)[:, None] - 29.5
    late, unseen = line.copy(), line.copy()
    late[shuffled[:20]] = 0.0  # what the other ten of the 30 seen rows teach is enough
    assert order_probe(late).accuracy == 1.0
    unseen[shuffled[:30]] = 0.0  # nothing was taught, so no answer is given and none is right
    assert order_probe(unseen).accuracy == 0.0


@pytest.mark.parametrize("grid", [None, (6, 5)])
def test_where_nothing_was_taught_the_mean_is_the_guess(grid):
    table = np.ones((30, 3))
    table[14] = 2.0  # in the hold-out, so all rows to learn from are equal
    found = position_probe(table, grid)
    places = np.arange(30.0)[:, None] if grid is None else np.array([(i // 5, i % 5) for i in range(30)], float)
    left, right = found.holdout
    assert left <= 14 < right
    errors = np.abs(np.delete(places, np.s_[left:right], axis=0).mean(axis=0) - places[left:right])
    assert found.holdout_mae == pytest.approx(errors[:, np.ptp(places[left:right], axis=0) > 0].mean())
