import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.tables.measures.similarity import cosine_matrix
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis
from posembed.tables.measures.spectrum import (
    effective_rank,
    measure_spectrum,
    participation_ratio,
    power_spectrum,
    singular_values,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def orthonormal(rows, rank, seed=0):
    """Columns that are orthonormal and, like every centered table's, sum to zero."""
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
    centered = table - table.mean(axis=0)
    t = np.arange(rows)
    power = []
    for k in range(rows // 2 + 1):
        amount = np.abs((centered * np.exp(-2j * np.pi * k * t / rows)[:, None]).sum(axis=0)) ** 2
        power.append(amount.sum() * (1 if k == 0 or 2 * k == rows else 2))
    np.testing.assert_allclose(power_spectrum(table), np.array(power) / np.sum(power), atol=1e-12)
    assert power_spectrum(table).sum() == pytest.approx(1.0)


def test_a_wave_has_one_frequency():
    t = np.arange(60)
    wave = np.cos(2 * np.pi * 5 * t / 60)[:, None] * drawn(1, 7)
    assert power_spectrum(wave + 2.0)[5] == pytest.approx(1.0)
    assert power_spectrum(np.ones((6, 2))) is None


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


@given(st.integers(2, 64), st.integers(1, 9), st.integers(-300, 300), st.integers(0, 2**31))
def test_scale_place_direction_and_order_do_not_matter(rows, width, exponent, seed):
    table = drawn(rows, width, seed)
    turned = 2.0**exponent * (table @ np.linalg.qr(drawn(width, width, seed + 1))[0] + 3.0)
    for other in (turned, table[::-1]):
        assert effective_rank(other) == pytest.approx(effective_rank(table), rel=1e-9)
        assert participation_ratio(other) == pytest.approx(participation_ratio(table), rel=1e-9)
        np.testing.assert_allclose(power_spectrum(other), power_spectrum(table), rtol=0, atol=1e-9)


def test_what_needs_how_many_rows():
    assert measure_spectrum(drawn(3, 2)).power is None
    assert len(measure_spectrum(drawn(4, 2)).power) == 3
    assert measure_spectrum(drawn(3, 2)).sinusoid is None
    assert measure_spectrum(drawn(4, 2)).sinusoid.functions == 2
    assert len(measure_spectrum(drawn(8, 2)).helix.by_component) == 2
    assert measure_spectrum(drawn(1056, 2)).sinusoid.functions == 128  # not 132
    small = measure_spectrum(drawn(33, 2)).sinusoid
    assert small.explained_share_random == sinusoidal_basis(33, 4).shape[1] / 32
