import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.tables.measures.similarity import cosine_matrix
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis
from posembed.tables.measures.spectrum import (
    effective_rank,
    helix_fit,
    main_components,
    measure_spectrum,
    participation_ratio,
    power_spectrum,
    singular_values,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def orthonormal(rows, rank, seed=0):
    """Columns that are orthonormal and, like every centred table's, sum to zero."""
    columns = drawn(rows, rank, seed)
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


@pytest.mark.parametrize("rank", [1, 2, 5, 9])
def test_effective_rank_of_equal_singular_values(rank):
    table = orthonormal(20, rank) @ np.linalg.qr(drawn(12, rank, 1))[0].T
    assert effective_rank(table) == pytest.approx(rank)
    assert effective_rank(7.0 * table + 3.0) == pytest.approx(rank)  # neither scale nor a constant row matters


def test_effective_rank_of_unequal_singular_values():
    singular = np.array([4.0, 2.0, 1.0, 1.0])
    table = orthonormal(20, 4) * singular @ np.linalg.qr(drawn(12, 4, 1))[0].T
    share = singular / 8
    assert effective_rank(table) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_effective_rank_at_its_ends():
    assert effective_rank(np.arange(9.0)[:, None] * np.ones((1, 4))) == pytest.approx(1.0)
    assert effective_rank(np.ones((1, 4))) == 0.0
    assert effective_rank(np.eye(6)) == pytest.approx(5.0)  # rows − 1


@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_effective_rank_is_bounded(rows, width, seed):
    assert 1.0 - 1e-9 <= effective_rank(drawn(rows, width, seed)) <= min(rows - 1, width) + 1e-9


def test_a_constant_table_has_nothing_to_measure():
    for value in (0.0, 0.1, -1e30, 1e-30):
        table = np.full((16, 5), value)
        assert np.isnan(explained_share(table, sinusoidal_basis(16, 2)))
        assert effective_rank(table) == 0.0
        assert (cosine_matrix(table) == 0).all()


MEASURES = [cosine_matrix, effective_rank, lambda table: explained_share(table, sinusoidal_basis(4, 2))]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.array([[1.0, np.nan]] * 4), "table holds values that are not finite; it cannot be measured"),
        (np.array([[1.0, np.inf]] * 4), "not finite"),
        (np.zeros(4), r"table must be a non-empty \[rows, d_model\], got shape \[4\]"),
        (np.zeros((0, 3)), r"got shape \[0, 3\]"),
        (np.zeros((4, 0)), r"got shape \[4, 0\]"),
    ],
)
def test_tables_that_cannot_be_measured(measure, table, message):
    with pytest.raises(InvalidArgumentError, match=message):
        measure(table)


@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_participation_is_that_of_the_covariance(rows, width, seed):
    table = drawn(rows, width, seed)
    values = np.linalg.eigvalsh(np.cov(table, rowvar=False, bias=True).reshape(width, width))
    assert participation_ratio(table) == pytest.approx(values.sum() ** 2 / (values**2).sum())


@pytest.mark.parametrize("rank", [1, 4])
def test_participation_of_equal_directions(rank):
    table = orthonormal(20, rank) @ np.linalg.qr(drawn(12, rank, 1))[0].T
    assert participation_ratio(1e-200 * table) == pytest.approx(rank)
    assert participation_ratio(np.ones((5, 3))) == 0.0


@pytest.mark.parametrize(("rows", "width"), [(63, 60), (64, 5), (4, 9), (5, 1)])
def test_power_against_the_sums_that_define_it(rows, width):
    table = drawn(rows, width, 3)
    centred = table - table.mean(axis=0)
    t = np.arange(rows)
    power = []
    for k in range(rows // 2 + 1):
        amount = np.abs((centred * np.exp(-2j * np.pi * k * t / rows)[:, None]).sum(axis=0)) ** 2
        power.append(amount.sum() * (1 if k == 0 or 2 * k == rows else 2))
    np.testing.assert_allclose(power_spectrum(table), np.array(power) / np.sum(power), atol=1e-12)
    assert power_spectrum(table).sum() == pytest.approx(1.0)


def test_a_wave_has_one_frequency():
    t = np.arange(60)
    wave = np.cos(2 * np.pi * 5 * t / 60)[:, None] * drawn(1, 7)
    assert power_spectrum(wave + 2.0)[5] == pytest.approx(1.0)
    assert power_spectrum(np.ones((6, 2))) is None


@pytest.mark.parametrize(("rows", "width"), [(40, 6), (6, 40), (3, 3), (2, 5)])
def test_components_are_those_of_the_singular_value_decomposition(rows, width):
    table = drawn(rows, width, 4)
    centred = table - table.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
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


def test_the_whole_spectrum():
    table = drawn(600, 20)
    found = measure_spectrum(table)
    assert found.effective_rank == pytest.approx(effective_rank(table))
    assert len(found.power) == len(found.power_frequencies) == 301
    assert found.power_frequencies[-1] == 0.5
    np.testing.assert_allclose(found.singular_values, singular_values(table))
    assert found.sinusoid.functions == 74
    assert found.sinusoid.explained_share == pytest.approx(found.sinusoid.explained_share_random, abs=0.02)
    bare = measure_spectrum(table, axis=False)
    assert (bare.power, bare.helix, bare.sinusoid) == (None, None, None)
    assert bare.participation_ratio == found.participation_ratio
    assert len(measure_spectrum(drawn(700, 600)).singular_values) == 512


@pytest.mark.parametrize("table", [np.ones((1, 4)), np.ones((9, 4)), np.array([[1.0, 2], [3, 5]])])
def test_degenerate_tables_have_a_spectrum_too(table):
    found = measure_spectrum(table)
    assert found.effective_rank in (0.0, pytest.approx(1.0))
    assert found.helix is None
    assert found.power is None


def test_random_rows_spread_as_theory_says():
    """Marchenko & Pastur: (Σλ)² / Σλ² of n × d independent numbers is n · d / (n + d)."""
    assert participation_ratio(drawn(800, 200)) == pytest.approx(800 * 200 / 1000, rel=0.01)
    assert participation_ratio(drawn(200, 800)) == pytest.approx(800 * 200 / 1000, rel=0.01)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e150])
@pytest.mark.parametrize(("rows", "width"), [(2, 1), (3, 60), (63, 60), (64, 2)])
def test_a_straight_line_has_one_direction_at_every_scale(rows, width, scale):
    line = scale * np.arange(rows)[:, None] * drawn(1, width, 6)
    assert effective_rank(line) == pytest.approx(1.0, abs=1e-9)
    assert participation_ratio(line) == pytest.approx(1.0, abs=1e-12)
    assert main_components(line)[1] == pytest.approx([1.0], abs=1e-12)


@given(st.integers(2, 64), st.integers(1, 9), st.integers(-300, 300), st.integers(0, 2**31))
def test_scale_place_direction_and_order_do_not_matter(rows, width, exponent, seed):
    table = drawn(rows, width, seed)
    turned = 2.0**exponent * (table @ np.linalg.qr(drawn(width, width, seed + 1))[0] + 3.0)
    for other in (turned, table[::-1]):
        assert effective_rank(other) == pytest.approx(effective_rank(table), rel=1e-9)
        assert participation_ratio(other) == pytest.approx(participation_ratio(table), rel=1e-9)
        np.testing.assert_allclose(power_spectrum(other), power_spectrum(table), rtol=0, atol=1e-9)


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


def test_what_needs_how_many_rows():
    assert measure_spectrum(drawn(3, 2)).power is None
    assert len(measure_spectrum(drawn(4, 2)).power) == 3
    assert measure_spectrum(drawn(3, 2)).sinusoid is None
    assert measure_spectrum(drawn(4, 2)).sinusoid.functions == 2
    assert len(helix_fit(drawn(8, 2)).by_component) == 2
    assert measure_spectrum(drawn(1056, 2)).sinusoid.functions == 128  # not 132
    small = measure_spectrum(drawn(33, 2)).sinusoid
    assert small.explained_share_random == sinusoidal_basis(33, 4).shape[1] / 32
