import itertools

import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.profile import neighbour_cosines, robust_z, roughness, row_profile


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
    assert np.median(roughness(drawn(200, 500))) == pytest.approx(np.sqrt(1.5), abs=0.01)
    assert np.isnan(roughness(np.array([[1.0], [0.0], [1.0]]))).all()
    assert len(roughness(line[:2])) == 0
    table = drawn(6, 4, 1)
    expected = [
        np.linalg.norm(table[t] - (table[t - 1] + table[t + 1]) / 2) / np.linalg.norm(table[t]) for t in range(1, 5)
    ]
    np.testing.assert_allclose(roughness(table), expected)


def test_neighbour_cosines():
    table = drawn(30, 5, 2)
    centred = table - table.mean(axis=0)
    expected = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.pairwise(centred)]
    np.testing.assert_allclose(neighbour_cosines(table), expected)
    wide = neighbour_cosines(drawn(400, 900))
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
    np.testing.assert_allclose(found.neighbour_cosine[3:10], neighbour_cosines(positions))


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
