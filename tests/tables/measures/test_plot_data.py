import ml_dtypes
import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.plot_data import (
    component_coordinates,
    heat_map,
    patch_maps,
    sinusoid_by_distance,
    table_views,
)
from posembed.tables.measures.similarity import cosine_matrix
from posembed.tables.measures.sinusoids import sinusoidal_table


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


@pytest.mark.parametrize(("rows", "width"), [(1, 2), (2, 1), (3, 60), (63, 60), (64, 2)])
def test_components_are_places_of_rows_in_space(rows, width):
    """Where three components hold all of a table, distances between rows stay what they are."""
    table = drawn(rows, min(width, 3), 3) @ drawn(min(width, 3), width, 4)
    found = component_coordinates(table)
    count = min(3, rows - 1, width)
    assert found.coordinates.shape == (rows, count)
    assert found.positions.tolist() == list(range(rows))
    assert found.explained.sum() == pytest.approx(1.0 if rows > 1 else 0.0)
    ours, theirs = (np.linalg.norm(each[:, None] - each[None], axis=2) for each in (found.coordinates, table))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(table).max() * width)


@pytest.mark.parametrize(("rows", "limit"), [(256, 256), (257, 256), (513, 256), (3000, 256)])
def test_a_heat_map_starts_each_block_where_the_last_ends(rows, limit):
    found = heat_map(drawn(rows, 3, 5))
    assert found.values.shape == (len(found.starts),) * 2
    assert len(found.starts) <= limit
    assert found.starts.tolist() == list(range(0, rows, found.block))
    assert found.block == -(-rows // limit)


@pytest.mark.parametrize("grid", [(1, 9), (9, 1), (3, 5), (5, 3)])
@pytest.mark.parametrize("limit", [15, 45, 100, 1 << 19])
def test_patch_maps_against_a_loop_with_the_least_step_that_fits(grid, limit):
    height, width = grid
    table = drawn(height * width, 4, 6)
    found = patch_maps(table, grid, limit)
    centered = table - table.mean(axis=0)

    def chosen(step):
        return [row * width + column for row in range(0, height, step) for column in range(0, width, step)]

    assert found.step == next(step for step in range(1, 10) if len(chosen(step)) * height * width <= limit)
    assert found.patches.tolist() == chosen(found.step)
    for patch, values in zip(found.patches, found.maps, strict=True):
        for other, value in enumerate(values):
            a, b = centered[patch], centered[other]
            assert value == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-12)


@pytest.mark.parametrize("table", [np.ones((9, 2)), np.zeros((9, 2)), np.ones((9, 2), ml_dtypes.bfloat16)])
@pytest.mark.parametrize("layout", [None, TableLayout(grid=(2, 4), prefix=1)])
def test_a_constant_table_has_views_of_zeros(table, layout):
    found = table_views(table, layout)
    assert (found.heat_map.values == 0).all()
    assert found.components.coordinates.shape == (9 if layout is None else 8, 0)
    assert found.patch_maps is None if layout is None else (found.patch_maps.maps == 0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e150])
def test_scale_changes_coordinates_alone(scale):
    table = drawn(12, 4, 7)
    found, plain = (table_views(each, TableLayout(grid=(3, 4))) for each in (scale * table, table))
    np.testing.assert_allclose(found.heat_map.values, plain.heat_map.values, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.patch_maps.maps, plain.patch_maps.maps, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.components.explained, plain.components.explained, rtol=1e-12)
    wanted = plain.components.coordinates
    np.testing.assert_allclose(found.components.coordinates / scale, wanted, rtol=0, atol=1e-12)


def test_what_is_no_table_has_no_views():
    with pytest.raises(InvalidArgumentError, match="row 3 is the first of 1 such rows"):
        table_views(np.array([[0.0]] * 3 + [[np.nan]]))
    with pytest.raises(InvalidArgumentError, match="got dtype complex128"):
        table_views(np.ones((2, 2), complex))


def test_the_largest_views_that_are_not_thinned():
    assert patch_maps(drawn(26 * 26, 2), (26, 26)).step == 1  # 456,976 numbers of 524,288
    assert patch_maps(drawn(27 * 27, 2), (27, 27)).step == 2  # 531,441 would be too many
    assert len(component_coordinates(drawn(2048, 2)).positions) == 2048
    assert len(component_coordinates(drawn(2049, 2)).positions) == 1025
