"""Methods whose rows are all copies, against loops."""

import math

import ml_dtypes
import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import exact_rows, extend_table
from tests.fixtures.formulas import SIZES, drawn


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_the_methods_that_copy_against_loops(old, new, dtype):
    table = drawn(old, dtype=dtype)
    tile, grouped, last = (extend_table(table, new, method=name) for name in ("tile", "grouped", "repeat-last"))
    group = math.ceil(new / old)
    for t in range(new):
        assert tile[t].tobytes() == table[t % old].tobytes()
        assert grouped[t].tobytes() == table[t // group].tobytes()
        assert last[t].tobytes() == table[t if t < old else -1].tobytes()
    cropped = extend_table(table, old // 2 or 1, method="crop")
    assert cropped.tobytes() == b"".join(row.tobytes() for row in table[: old // 2 or 1])


def test_a_very_long_table_is_made():
    found = extend_table(drawn(5, 1), 1_000_001)
    assert found.shape == (1_000_001, 1)
    assert (found[::250_000] == drawn(5, 1)).all()


@pytest.mark.parametrize(("old", "new", "used"), [(7, 20, 5), (7, 7, 5), (8, 9, 1), (5, 12, 5), (16, 63, 15)])
def test_tile_over_a_range(old, new, used):
    table = np.random.default_rng(0).standard_normal((old, 3)).astype(np.float32)
    found = extend_table(table, new, method="tile", range=used)
    for t in range(new):
        assert found[t].tobytes() == table[t % used].tobytes()
    pairs = exact_rows("tile", TableLayout(length=old), new, range=used)
    assert pairs.tolist() == [[t % used, t] for t in range(new)]


def test_a_tile_s_range_lies_within_the_table():
    with pytest.raises(InvalidArgumentError, match="range=8 is above the table's 7 positions"):
        extend_table(np.zeros((7, 2)), 9, method="tile", range=8)
    with pytest.raises(InvalidArgumentError, match="range=0"):
        extend_table(np.zeros((7, 2)), 9, method="tile", range=0)
