import numpy as np
import pytest

from posembed.tables.measures.helix import helix_fit, main_components
from posembed.tables.measures.spectrum import effective_rank, participation_ratio


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def orthonormal(rows, rank, seed=0):
    """Columns that are orthonormal and, like every centered table's, sum to zero."""
    columns = drawn(rows, rank, seed)
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


@pytest.mark.parametrize(("rows", "width"), [(40, 6), (6, 40), (3, 3), (2, 5)])
def test_components_are_those_of_the_singular_value_decomposition(rows, width):
    table = drawn(rows, width, 4)
    centered = table - table.mean(axis=0)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    coordinates, share = main_components(table)
    count = min(3, rows - 1, width)
    assert coordinates.shape == (rows, count)
    np.testing.assert_allclose(share, values[:count] ** 2 / (values**2).sum(), atol=1e-9)
    np.testing.assert_allclose(np.abs(coordinates), np.abs(left[:, :count] * values[:count]), atol=1e-7)
    assert (coordinates[np.abs(coordinates).argmax(axis=0), np.arange(count)] > 0).all()


@pytest.mark.parametrize("turns", [0.5, 1.0, 4.0])
def test_a_helix_is_found_with_its_period(turns):
    t = np.arange(128)
    angle = 2 * np.pi * turns * t / 128
    curve = np.stack((np.cos(angle), np.sin(angle), t / 128), axis=1) @ np.linalg.qr(drawn(16, 3, 5))[0].T
    found = helix_fit(1e-150 * curve)
    assert found.r2 == pytest.approx(1.0, abs=1e-6)
    assert found.period == pytest.approx(128 / turns)
    assert all(share == pytest.approx(1.0, abs=1e-5) for share in found.by_component)


def test_random_rows_are_no_helix():
    assert helix_fit(drawn(256, 64)).r2 < 0.1
    assert helix_fit(drawn(7, 3)) is None
    assert helix_fit(np.ones((20, 3))) is None


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e150])
@pytest.mark.parametrize(("rows", "width"), [(2, 1), (3, 60), (63, 60), (64, 2)])
def test_a_straight_line_has_one_direction_at_every_scale(rows, width, scale):
    line = scale * np.arange(rows)[:, None] * drawn(1, width, 6)
    assert effective_rank(line) == pytest.approx(1.0, abs=1e-9)
    assert participation_ratio(line) == pytest.approx(1.0, abs=1e-12)
    assert main_components(line)[1] == pytest.approx([1.0], abs=1e-12)


@pytest.mark.parametrize("rows", [65, 128])
def test_a_helix_read_backwards_is_as_much_of_one(rows):
    table = np.cumsum(drawn(rows, 5, 4), axis=0)
    found = helix_fit(table)
    for other in (table[::-1], 2.0**-900 * table, 1e150 * table, table @ np.linalg.qr(drawn(5, 5))[0] + 3.0):
        assert helix_fit(other).r2 == pytest.approx(found.r2, abs=1e-9)
        assert helix_fit(other).period == found.period


def helix_by_hand(table):
    """Shares of the first three components, of the ω whose least squares leave least."""
    rows = len(table)
    left, values, _ = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    components, t, found = left[:, :3] * values[:3], np.arange(rows), []
    for turns in np.arange(0.5, 32.25, 0.25):
        angle = 2 * np.pi * turns * t / rows
        design = np.stack((np.ones(rows), t, np.cos(angle), np.sin(angle)), axis=1)
        left_over = ((components - design @ np.linalg.lstsq(design, components, rcond=None)[0]) ** 2).sum(axis=0)
        found.append((1 - left_over.sum() / (components**2).sum(), rows / turns, 1 - left_over / values[:3] ** 2))
    return max(found, key=lambda each: each[0])


@pytest.mark.parametrize(("rows", "width"), [(65, 60), (127, 3), (200, 2), (70, 1)])
def test_the_helix_against_least_squares(rows, width):
    table = np.cumsum(drawn(rows, width, 7), axis=0)
    found, (share, period, by_component) = helix_fit(table), helix_by_hand(table)
    assert found.r2 == pytest.approx(share, abs=1e-9)
    assert found.period == pytest.approx(period)
    np.testing.assert_allclose(found.by_component, by_component[: len(found.by_component)], rtol=0, atol=1e-9)
    assert len(found.by_component) == min(3, width)


def test_a_table_like_gpt_2_s_is_a_helix():
    """1,024 rows, a turn and a line in 3 of 64 dimensions, and noise of a hundredth."""
    t = np.arange(1024) / 1024
    curve = np.stack((np.cos(2 * np.pi * t), np.sin(2 * np.pi * t), 2 * t), axis=1)
    noise = 0.01 * drawn(1024, 64, 8)
    found = helix_fit(curve @ np.linalg.qr(drawn(64, 3, 9))[0].T + noise)
    assert found.r2 == pytest.approx(1.0, abs=1e-3)
    assert found.period == 1024


def test_a_short_table_read_backwards_is_as_much_of_a_helix():
    tables = [drawn(9, 3, seed) for seed in range(30)]
    forth, back = ([helix_fit(table[::way]).r2 for table in tables] for way in (1, -1))
    np.testing.assert_allclose(back, forth, rtol=0, atol=1e-9)


def test_a_short_helix_is_found_with_its_period():
    periods = {}
    for rows in (8, 9, 12, 20, 40, 63):
        angle = 2 * np.pi * np.arange(rows) / rows
        curve = np.stack((np.cos(angle), np.sin(angle), np.arange(rows) / rows), axis=1)
        periods[rows] = helix_fit(curve).period
    assert periods == {rows: rows for rows in periods}


@pytest.mark.parametrize(("turns", "seen"), [(0.5, True), (32, True), (32.25, False), (33, False), (40, False)])
def test_helices_are_sought_between_half_a_turn_and_32(turns, seen):
    angle = 2 * np.pi * turns * np.arange(256) / 256
    found = helix_fit(np.stack((np.cos(angle), np.sin(angle), np.arange(256) / 256), axis=1))
    assert (found.period == pytest.approx(256 / turns)) is seen
    assert (found.r2 > 0.999) is seen
