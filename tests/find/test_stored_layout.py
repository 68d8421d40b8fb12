"""Every way of storing a table: which shapes it reads, and that splitting, joining and sizing belong together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed import TableLayout
from posembed.find.stored_layout import STORED_LAYOUTS, read_shape

BY_NAME = {stored.name: stored for stored in STORED_LAYOUTS}


@pytest.mark.parametrize(
    ("shape", "name", "rows", "width", "grid"),
    [
        ((16, 8), "rows", 16, 8, None),
        ((2, 2), "rows", 2, 2, None),
        ((1, 16, 8), "1,rows", 16, 8, None),
        ((1, 2, 8), "1,rows", 2, 8, None),
        ((16, 1, 8), "rows,1", 16, 8, None),
        ((2, 1, 1), "rows,1", 2, 1, None),
        ((5, 7, 8), "H,W", 35, 8, (5, 7)),
        ((2, 2, 8), "2,rows", 2, 8, None),
        ((2, 5, 8), "2,rows", 5, 8, None),
        ((2, 1, 8), "rows,1", 2, 8, None),
        ((3, 1, 16, 8), "k,1,rows", 16, 8, None),
        ((1, 1, 2, 8), "k,1,rows", 2, 8, None),
        ((1, 14, 14, 8), "1,H,W", 196, 8, (14, 14)),  # equal sides are the grid's, wherever they stand
        ((1, 8, 14, 14), "1,d,H,W", 196, 8, (14, 14)),
        ((1, 14, 14, 14), "1,H,W", 196, 14, (14, 14)),
        ((1, 64, 10, 14), "1,d,H,W", 140, 64, (10, 14)),  # otherwise the larger end is the width
        ((1, 10, 14, 64), "1,H,W", 140, 64, (10, 14)),
        ((1, 10, 14, 10), "1,H,W", 140, 10, (10, 14)),
        ((1, 11, 14, 10), "1,d,H,W", 140, 11, (14, 10)),
        ((1, 2, 1, 8), "1,H,W", 2, 8, (2, 1)),
        ((1, 8, 1, 2), "1,d,H,W", 2, 8, (1, 2)),
    ],
)
def test_shapes(shape, name, rows, width, grid):
    read = read_shape(shape)
    assert (read.stored.name, read.rows, read.width, read.grid) == (name, rows, width, grid)
    assert read.stored.width(shape) == width


@pytest.mark.parametrize(
    "shape",
    [(), (8,), (1, 8), (16, 1), (1, 1), (0, 8), (16, 0), (1, 1, 8), (0, 1, 8), (1, 1, 1, 8), (1, 8, 1, 1),
     (2, 16, 3, 8), (2, 1, 1, 8), (2, 2, 2, 2), (1, 1, 1, 1), (1, 2, 3, 4, 5), (1, 1, 1, 1, 1), (1, 4, 0, 4)],
)  # fmt: skip
def test_shapes_of_no_table(shape):
    assert read_shape(shape) is None


SIZES = st.integers(2, 6)


@st.composite
def shapes(draw):
    """A shape of each way of storing, and a layout of as many rows."""
    name = draw(st.sampled_from(sorted(BY_NAME)))
    rows, height, width, layers, d_model = (draw(SIZES) for _ in range(5))
    shape, layout = {
        "rows": ((rows, d_model), TableLayout(length=rows)),
        "1,rows": ((1, rows, d_model), TableLayout(length=rows)),
        "rows,1": ((rows, 1, d_model), TableLayout(length=rows)),
        "k,1,rows": ((layers, 1, rows, d_model), TableLayout(length=rows)),
        "2,rows": ((2, rows, d_model), TableLayout(length=rows)),
        "H,W": ((height, width, d_model), TableLayout(grid=(height, width))),
        "1,H,W": ((1, height, width, d_model), TableLayout(grid=(height, width))),
        "1,d,H,W": ((1, d_model, height, width), TableLayout(grid=(height, width))),
    }[name]
    return BY_NAME[name], shape, layout, d_model


@given(shapes(), SIZES, SIZES)
def test_split_join_and_shape_belong_together(case, more, most):
    stored, shape, layout, d_model = case
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    tables = stored.split(values)
    assert len(tables) == (shape[0] if stored.name in ("k,1,rows", "2,rows") else 1)
    assert all(table.shape == (layout.rows, d_model) and table.flags.c_contiguous for table in tables)
    joined = stored.join(tables, shape)
    assert joined.dtype == values.dtype
    np.testing.assert_array_equal(joined, values)
    assert stored.shape_for(shape, layout) == shape
    grown = (
        TableLayout(length=layout.length + more)
        if layout.grid is None
        else TableLayout(grid=(layout.grid[0] + more, layout.grid[1] + most))
    )
    new = stored.shape_for(shape, grown)
    assert stored.join([np.zeros((grown.rows, d_model), np.float32)] * len(tables), new).shape == new
    assert stored.width(new) == d_model


def test_rows_stay_where_their_positions_are():
    grid = np.arange(2 * 3 * 4).reshape(1, 2, 3, 4)
    (rows,) = BY_NAME["1,H,W"].split(grid)
    np.testing.assert_array_equal(rows[3], grid[0, 1, 0])  # row-major: (1, 0) comes after (0, 2)
    (same,) = BY_NAME["1,d,H,W"].split(np.moveaxis(grid, -1, 1))
    np.testing.assert_array_equal(same, rows)


def test_extra_rows_count():
    layout = TableLayout(length=10, reserved=2, prefix=1, suffix=3)
    assert BY_NAME["rows"].shape_for((9, 8), layout) == (16, 8)
    assert BY_NAME["1,rows"].shape_for((1, 9, 8), layout) == (1, 16, 8)
    assert BY_NAME["rows,1"].shape_for((9, 1, 8), layout) == (16, 1, 8)
    assert BY_NAME["k,1,rows"].shape_for((3, 1, 9, 8), layout) == (3, 1, 16, 8)


def test_a_line_of_rows_that_is_stored_as_a_grid():
    layout = TableLayout(length=9)
    assert BY_NAME["1,H,W"].shape_for((1, 4, 1, 8), layout) == (1, 9, 1, 8)
    assert BY_NAME["1,d,H,W"].shape_for((1, 8, 1, 4), layout) == (1, 8, 1, 9)


def test_what_recognition_asks():
    assert [stored.name for stored in STORED_LAYOUTS if stored.is_matrix] == ["rows"]
    assert [stored.name for stored in STORED_LAYOUTS if stored.is_batched_rows] == ["1,rows"]
    assert [stored.name for stored in STORED_LAYOUTS if stored.holds_blocks] == ["1,H,W"]
    assert [stored.name for stored in STORED_LAYOUTS if stored.holds_two_axes] == ["2,rows"]


def test_names_are_unique_and_layouts_are_values():
    assert len(BY_NAME) == len(STORED_LAYOUTS) == 8
    assert type(BY_NAME["rows"])() == BY_NAME["rows"]
    assert BY_NAME["rows"] != BY_NAME["1,rows"]
