"""The rows that each method promises to keep, and that it keeps them."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables import registry
from posembed.tables.built_in import BUILT_IN
from posembed.tables.extend import exact_rows, extend_table
from posembed.tables.registry import METHODS

LONGER = [method.name for method in BUILT_IN if method.kind == "sequence" and method.direction == "longer"]
COPIES_OLD_ROWS = ["tile", "hierarchical", "repeat-last", "mean", "zeros", "random"]
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]
SIZES = st.integers(1, 30), st.integers(0, 40), st.integers(1, 5), st.integers(0, 2**31)
SEQUENCE, GRID = TableLayout(length=4), TableLayout(grid=(2, 3))
TABLE = np.arange(8.0, dtype=np.float32).reshape(4, 2)


def drawn(rows, width=3, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(dtype)


@given(*SIZES, st.sampled_from(LONGER), st.sampled_from(DTYPES), st.tuples(*[st.integers(0, 2)] * 3))
def test_what_is_promised_is_kept_to_the_bit(old, more, width, seed, method, dtype, around):
    layout = TableLayout(old, None, *around)
    more = min(more, old * old - old) if method == "hierarchical" else more
    table = drawn(layout.rows, width, dtype, seed)
    table[::3] *= -0.0
    new = layout.usable_length + more
    found = extend_table(table, new, method=method, layout=layout)
    pairs = exact_rows(method, layout, new)
    assert pairs.dtype == np.int64
    assert found[pairs[:, 1]].tobytes() == table[pairs[:, 0]].tobytes()
    assert (np.diff(pairs[:, 1]) > 0).all()
    kept = {tuple(pair) for pair in pairs.tolist()}
    first, after = layout.reserved + layout.prefix, layout.rows - layout.suffix
    assert kept >= {(row, row) for row in range(first)}
    assert kept >= {(row, row + more) for row in range(after, layout.rows)}
    if method in COPIES_OLD_ROWS:
        assert kept >= {(row, row) for row in range(first, after)}


def test_exact_rows_are_those_of_the_formulas():
    layout = TableLayout(length=3, reserved=1, prefix=1, suffix=1)
    around = [[0, 0], [1, 1]]
    assert exact_rows("tile", layout, 7).tolist() == [*around, [2, 2], [3, 3], [4, 4], [2, 5], [3, 6], [5, 7]]
    assert exact_rows("grouped", layout, 7).tolist() == [*around, [2, 2], [2, 3], [3, 4], [3, 5], [4, 6], [5, 7]]
    assert exact_rows("linear", layout, 7).tolist() == [*around, [2, 2], [3, 4], [4, 6], [5, 7]]
    assert exact_rows("linear", layout, 8).tolist() == [*around, [2, 2], [4, 7], [5, 8]]
    assert exact_rows("mean", layout, 7).tolist() == [*around, [2, 2], [3, 3], [4, 4], [5, 7]]
    assert exact_rows("mean", layout, 7, keep=1, range=2).tolist() == [*around, [2, 2], [5, 7]]
    assert exact_rows("crop", layout, 4).tolist() == [*around, [2, 2], [3, 3], [5, 4]]
    stretch = exact_rows("stretch", layout, 6, keep=1, range=2)
    assert stretch.tolist() == [*around, [2, 2], [3, 3], [3, 4], [3, 5], [5, 6]]
    image = TableLayout(grid=(1, 2), prefix=1)
    assert exact_rows("tile", image, grid=(2, 3)).tolist() == [[0, 0], [1, 1], [2, 2], [1, 3], [1, 4], [2, 5], [1, 6]]
    assert exact_rows("nearest", image, grid=(1, 4)).tolist() == [[0, 0], [1, 1], [1, 2], [2, 3], [2, 4]]


def test_pairs_come_in_the_order_of_the_new_rows(monkeypatch):
    def kept(_old, new):
        return [(t % 4, t) for t in reversed(range(new))]

    backwards = dataclasses.replace(METHODS["sequence"]["tile"], kept=kept)
    monkeypatch.setitem(registry._REGISTRY["sequence"], "tile", backwards)
    assert exact_rows("tile", SEQUENCE, 6).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [0, 4], [1, 5]]


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("hierarchical", {"length": 17}, "at most L² = 16 positions"),
        ("hierarchical", {"length": 8, "alpha": 0.5}, r"alpha=0\.5"),
        ("stretch", {"length": 8, "keep": 4}, "keep=4 must be below range=4"),
        ("random", {"length": 8, "seed": -1}, "seed=-1"),
        ("linear", {"length": 3}, "only lengthens"),
        ("linear", {"length": 8, "seed": 1}, "has no option 'seed'"),
        ("bicubic", {"length": 8}, "is a grid method"),
    ],
)
def test_exact_rows_refuses_what_extend_table_refuses(method, options, message):
    for call in (
        lambda: exact_rows(method, SEQUENCE, **options),
        lambda: extend_table(TABLE, method=method, **options),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            call()


def test_exact_rows_refuses_the_switches_of_a_grid_too():
    with pytest.raises(ArgumentTypeError, match="antialias=1 must be True or False"):
        exact_rows("bicubic", GRID, grid=(2, 3), antialias=1)
