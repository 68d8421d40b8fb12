import numpy as np
import pytest

from posembed.tables.probes import LEAST_ROWS, PENALTY, order_probe, position_probe


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
    assert found.r2 < 0.05
    assert found.mae == pytest.approx(100, rel=0.1)  # a quarter of the length: that of always guessing the middle
    assert order_probe(drawn(400, 16)).accuracy == pytest.approx(0.5, abs=0.12)


def test_a_line_tells_all():
    line = np.linspace(0, 1e-30, 100)[:, None] * drawn(1, 7)
    found = position_probe(line)
    assert found.r2 > 0.99
    assert found.holdout_mae < 1
    assert order_probe(line).accuracy == 1.0
    assert order_probe(line).pairs == 4000


def test_rows_that_were_left_out_keep_their_places():
    line = np.arange(100.0)[:, None]
    thin, all_ = position_probe(line[::4], spacing=4), position_probe(line)
    assert thin.mae == pytest.approx(all_.mae, rel=0.8)
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
