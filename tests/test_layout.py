import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout

small = st.integers(0, 20)


@given(length=small, reserved=small, prefix=small, suffix=small)
def test_rows_of_a_sequence_add_up(length, reserved, prefix, suffix):
    layout = TableLayout(length=length, reserved=reserved, prefix=prefix, suffix=suffix)
    assert layout.positions == length
    assert layout.usable_length == prefix + length + suffix
    assert layout.rows == reserved + layout.usable_length


@given(height=st.integers(1, 20), width=st.integers(1, 20), prefix=small, suffix=small)
def test_rows_of_a_grid_add_up(height, width, prefix, suffix):
    layout = TableLayout(grid=(height, width), prefix=prefix, suffix=suffix)
    assert layout.positions == height * width
    assert layout.usable_length == layout.rows == prefix + height * width + suffix


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of length and grid, got length=None, grid=None"),
        ({"length": 4, "grid": (2, 2)}, "exactly one of length and grid"),
        ({"grid": (0, 2)}, r"grid=\(0, 2\) must be \(height, width\)"),
        ({"grid": (2, 2, 2)}, r"grid=\(2, 2, 2\) must be"),
        ({"length": -1}, "length=-1 must not be negative"),
        ({"length": 4, "reserved": -2}, "reserved=-2 must not be negative"),
        ({"length": 4, "prefix": -1}, "prefix=-1"),
        ({"length": 4, "suffix": -1}, "suffix=-1"),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        TableLayout(**arguments)


def test_a_layout_is_a_value():
    assert TableLayout(length=4, reserved=2) == TableLayout(length=4, reserved=2)
    assert len({TableLayout(length=4), TableLayout(length=4), TableLayout(length=5)}) == 2
    with pytest.raises(AttributeError):
        TableLayout(length=4).length = 5
