import itertools

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.layout import TableLayout
from posembed.tables.measures.norms import neighbor_cosines, robust_z, roughness, row_profile


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_robust_z_by_hand():
    values = np.array([1.0, 2.0, 4.0, 7.0, 100.0])
    # median 4, absolute deviations 3 2 0 3 96, their median 3
    np.testing.assert_allclose(robust_z(values), (values - 4) / (1.482602218505602 * 3))
    assert robust_z(np.random.default_rng(0).standard_normal(20001)).std() == pytest.approx(1, abs=0.02)


def test_robust_z_where_most_values_are_equal():
    found = robust_z(np.array([2.0, 2.0, 2.0, 5.0]))
    assert found[:3].tolist() == [0, 0, 0]
    assert np.isnan(found[3])


def test_roughness_of_lines_noise_and_zeros():
    line = np.arange(20.0)[:, None] * np.ones((1, 3)) + 1
    np.testing.assert_allclose(roughness(line), 0, atol=1e-12)
    assert np.median(roughness(drawn(200, 500))) == pytest.approx(np.sqrt(1.5), abs=0.005)
    assert np.isnan(roughness(np.array([[1.0], [0.0], [1.0]]))).all()
    assert len(roughness(line[:2])) == 0
    table = drawn(6, 4, 1)
    expected = [
        np.linalg.norm(table[t] - (table[t - 1] + table[t + 1]) / 2) / np.linalg.norm(table[t]) for t in range(1, 5)
    ]
    np.testing.assert_allclose(roughness(table), expected)


def test_neighbour_cosines():
    table = drawn(30, 5, 2)
    centered = table - table.mean(axis=0)
    expected = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.pairwise(centered)]
    np.testing.assert_allclose(neighbor_cosines(table), expected)
    wide = neighbor_cosines(drawn(400, 900))
    assert abs(wide.mean()) < 4 / np.sqrt(400 * 900)
    assert wide.std() == pytest.approx(1 / np.sqrt(900), rel=0.15)


def test_the_profile_of_a_sequence_with_other_rows():
    table = drawn(12, 4, 3)
    layout = TableLayout(length=8, reserved=2, prefix=1, suffix=1)
    found = row_profile(table, layout)
    positions = table[3:11]
    np.testing.assert_allclose(found.norm, np.linalg.norm(table, axis=1))
    norms = np.linalg.norm(table, axis=1)
    np.testing.assert_allclose(found.norm_z, robust_z(norms, norms[3:11]))
    assert found.roughness[:4] == (None,) * 4
    assert found.roughness[10:] == (None, None)
    np.testing.assert_allclose(found.roughness[4:10], roughness(positions))
    assert found.neighbour_cosine[:3] == (None,) * 3
    assert found.neighbour_cosine[10:] == (None, None)
    np.testing.assert_allclose(found.neighbour_cosine[3:10], neighbor_cosines(positions))


def test_the_profile_of_a_grid_knows_its_rows():
    found = row_profile(drawn(13, 4, 4), TableLayout(grid=(3, 4), prefix=1))
    assert set(found.roughness) == {None}
    assert [place for place, value in enumerate(found.neighbour_cosine) if value is None] == [0, 4, 8, 12]


@pytest.mark.parametrize("rows", [1, 2])
def test_profiles_of_next_to_nothing(rows):
    found = row_profile(np.ones((rows, 2)), TableLayout(length=rows))
    assert found.norm_z == (0.0,) * rows
    assert set(found.roughness) == {None}
    assert len(found.neighbour_cosine) == rows


def by_rows(table, layout):
    """The profile from a loop over the positions."""
    first, width = layout.reserved + layout.prefix, layout.positions if layout.grid is None else layout.grid[1]
    positions = [row - table[0] for row in table[first : first + layout.positions]]
    centered = [row - np.mean(positions, axis=0) for row in positions]
    rough, beside = [None] * len(table), [None] * len(table)
    for t in range(layout.positions):
        if layout.grid is None and 0 < t < layout.positions - 1:
            here = table[first + t]
            bend = here - (table[first + t - 1] + table[first + t + 1]) / 2
            rough[first + t] = sum(bend**2) ** 0.5 / sum(here**2) ** 0.5
        if (t + 1) % width:
            a, b = centered[t], centered[t + 1]
            beside[first + t] = sum(a * b) / (sum(a**2) * sum(b**2)) ** 0.5
    return rough, beside


@pytest.mark.parametrize("width", [1, 2, 60])
@pytest.mark.parametrize(
    "layout",
    [
        TableLayout(length=2),
        TableLayout(length=3, reserved=2),
        TableLayout(length=63, prefix=1, suffix=1),
        TableLayout(grid=(3, 5), prefix=1),
        TableLayout(grid=(5, 3), reserved=1, prefix=2, suffix=1),
        TableLayout(grid=(1, 4)),
        TableLayout(grid=(4, 1)),
    ],
)
def test_the_profile_against_a_loop(layout, width):
    table = drawn(layout.rows, width, 5) + 2.0
    found = row_profile(table, layout)
    rough, beside = by_rows(table, layout)
    for ours, theirs in ((found.roughness, rough), (found.neighbour_cosine, beside)):
        assert [value is None for value in ours] == [value is None for value in theirs]
        there = [(a, b) for a, b in zip(ours, theirs, strict=True) if b is not None]
        np.testing.assert_allclose([a for a, _ in there], [b for _, b in there], rtol=0, atol=1e-12)


@given(st.integers(1, 20), st.integers(1, 9), st.integers(-400, 400), st.integers(0, 2**31))
def test_only_norms_know_the_scale(rows, width, exponent, seed):
    table, layout = drawn(rows, width, seed), TableLayout(length=rows)
    a, b = row_profile(table, layout), row_profile(np.ldexp(table, exponent), layout)
    assert b.norm == tuple(np.ldexp(a.norm, exponent))
    for name in ("norm_z", "roughness", "neighbour_cosine"):
        ours, theirs = (np.array(getattr(each, name), float) for each in (a, b))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_profile_read_backwards():
    table, layout = drawn(30, 4, 6), TableLayout(length=30)
    forth, back = row_profile(table, layout), row_profile(table[::-1], layout)
    np.testing.assert_allclose(back.norm, forth.norm[::-1], rtol=1e-15)
    np.testing.assert_allclose(back.roughness[1:-1], forth.roughness[-2:0:-1], rtol=1e-13)
    np.testing.assert_allclose(back.neighbour_cosine[:-1], forth.neighbour_cosine[-2::-1], rtol=0, atol=1e-13)
    moved = np.array(neighbor_cosines(table @ np.linalg.qr(drawn(4, 4))[0] + 5.0))
    np.testing.assert_allclose(moved, forth.neighbour_cosine[:-1], rtol=0, atol=1e-13)


def test_tiny_rows_have_a_norm():
    table, layout = drawn(30, 4), TableLayout(length=30)
    tiny, plain = row_profile(1e-300 * table, layout), row_profile(table, layout)
    np.testing.assert_allclose(tiny.norm, 1e-300 * np.array(plain.norm), rtol=1e-12)
    np.testing.assert_allclose(tiny.roughness[1:-1], plain.roughness[1:-1], rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_measured_as_the_numbers_it_holds(dtype):
    table, layout = drawn(20, 5, 7).astype(dtype), TableLayout(length=18, reserved=2)
    assert row_profile(table, layout) == row_profile(table.astype(np.float64), layout)


def test_rows_that_are_all_alike():
    found = row_profile(np.full((5, 2), 0.1), TableLayout(length=4, prefix=1))
    assert found.norm_z == (0.0,) * 5
    assert found.roughness == (None, None, 0.0, 0.0, None)
    assert found.neighbour_cosine == (None, 0.0, 0.0, 0.0, None)
    assert row_profile(np.ones((2, 2)), TableLayout(length=0, reserved=2)).norm_z == (None, None)
