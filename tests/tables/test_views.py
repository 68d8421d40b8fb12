import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.similarity import cosine_matrix
from posembed.tables.sinusoids import sinusoidal_table
from posembed.tables.views import (
    component_coordinates,
    heat_map,
    patch_maps,
    sinusoid_by_distance,
    table_views,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize(("rows", "limit"), [(1, 4), (4, 4), (9, 4), (63, 10), (64, 64)])
def test_blocks_are_the_matrix_s_means(rows, limit):
    table = drawn(rows, 6)
    found = heat_map(table, limit)
    assert len(found.values) <= limit
    assert found.block == -(-rows // limit)
    cosines = cosine_matrix(table)
    ends = [*found.starts[1:], rows]
    for i, (a, b) in enumerate(zip(found.starts, ends, strict=True)):
        for j, (c, d) in enumerate(zip(found.starts, ends, strict=True)):
            assert found.values[i, j] == pytest.approx(cosines[a:b, c:d].mean(), abs=1e-12)


def test_components_are_thinned():
    found = component_coordinates(drawn(100, 5), limit=30)
    assert found.positions.tolist() == list(range(0, 100, 4))
    assert found.coordinates.shape == (25, 3)
    assert component_coordinates(np.ones((5, 2))).coordinates.shape == (5, 0)


@pytest.mark.parametrize(("grid", "limit", "step"), [((3, 4), 1 << 19, 1), ((3, 4), 50, 2), ((6, 2), 20, 6)])
def test_patch_maps_stay_within_their_limit(grid, limit, step):
    table = drawn(grid[0] * grid[1], 5, 1)
    found = patch_maps(table, grid, limit)
    assert found.step == step
    assert found.maps.size <= limit
    np.testing.assert_allclose(found.maps, cosine_matrix(table)[found.patches], atol=1e-12)
    assert all(patch // grid[1] % step == 0 and patch % grid[1] % step == 0 for patch in found.patches)


def test_the_sinusoid_s_curve():
    cosines = cosine_matrix(sinusoidal_table(20, 8))
    expected = [np.diagonal(cosines, k).mean() for k in range(20)]
    np.testing.assert_allclose(sinusoid_by_distance(20, 8), expected, atol=1e-9)


def test_views_leave_other_rows_out():
    table = drawn(15, 4, 2)
    found = table_views(table, TableLayout(length=12, reserved=2, suffix=1))
    np.testing.assert_allclose(found.heat_map.values, cosine_matrix(table[2:14]), atol=1e-12)
    assert found.patch_maps is None
    assert len(found.sinusoid_by_distance) == 12
    grid = table_views(table, TableLayout(grid=(2, 7), prefix=1))
    assert grid.sinusoid_by_distance is None
    assert grid.patch_maps.maps.shape == (14, 14)
