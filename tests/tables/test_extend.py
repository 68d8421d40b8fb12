import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import extend_table

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


def drawn(rows, width=3, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(dtype)


def naive_linear(table, length):
    """One number at a time, in Python floats."""
    old = table.astype(np.float64).tolist()
    rows = []
    for t in range(length):
        point = t * (len(old) - 1) / (length - 1) if length > 1 else 0.0
        below = min(int(point), max(len(old) - 2, 0))
        above = min(below + 1, len(old) - 1)
        weight = point - below
        rows.append([(1 - weight) * a + weight * b for a, b in zip(old[below], old[above], strict=True)])
    return np.array(rows)


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 4), (2, 3), (5, 5), (5, 9), (5, 13), (16, 63), (63, 200)])
def test_linear_against_a_loop(old, new):
    table = drawn(old)
    np.testing.assert_allclose(extend_table(table, new), naive_linear(table, new), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 4), (5, 5), (5, 9), (5, 10), (5, 23)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tile_against_a_loop(old, new, dtype):
    table = drawn(old, dtype=dtype)
    found = extend_table(table, new, method="tile")
    assert found.dtype == dtype
    for t in range(new):
        assert found[t].tobytes() == table[t % old].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_restored_and_rounded_once(dtype):
    table = drawn(16, dtype=dtype)
    found = extend_table(table, 63)
    assert found.dtype == dtype
    exact = naive_linear(table, 63)
    spacing = {np.float64: 1e-13, np.float32: 2.4e-7, np.float16: 1e-3, ml_dtypes.bfloat16: 8e-3}[dtype]
    np.testing.assert_allclose(found.astype(np.float64), exact, rtol=spacing, atol=spacing / 2)
    if dtype not in (np.float64, np.float32):  # rounding twice, or working in half precision, would miss some
        assert (found == naive_linear(table.astype(np.float32), 63).astype(np.float32).astype(dtype)).mean() > 0.99


@pytest.mark.parametrize("method", ["linear", "tile"])
def test_reserved_prefix_and_suffix_rows_are_kept(method):
    layout = TableLayout(length=7, reserved=2, prefix=1, suffix=3)
    table = drawn(13, dtype=np.float16)
    found = extend_table(table, 24, method=method, layout=layout)
    assert found.shape == (26, 3)
    assert found[:3].tobytes() == table[:3].tobytes()
    assert found[-3:].tobytes() == table[-3:].tobytes()
    alone = extend_table(table[3:10], 20, method=method)
    assert found[3:23].tobytes() == alone.tobytes()


def test_roberta_to_1024():
    found = extend_table(drawn(514, 4, np.float32), 1024, layout=TableLayout(length=512, reserved=2))
    assert found.shape == (1026, 4)


ROWS, MORE, WIDTH, SEED = SIZES = st.integers(1, 30), st.integers(0, 40), st.integers(1, 5), st.integers(0, 2**31)


@given(*SIZES, st.sampled_from(DTYPES))
def test_linear_keeps_both_ends_and_stays_between(old, more, width, seed, dtype):
    table = drawn(old, width, dtype, seed)
    before = table.copy()
    found = extend_table(table, old + more)
    assert found.shape == (old + more, width)
    assert (table == before).all()
    assert not np.shares_memory(found, table)
    assert found[0].tobytes() == table[0].tobytes()
    if old > 1:
        assert found[-1].tobytes() == table[-1].tobytes()
    wide = found.astype(np.float64)
    low, high = table.astype(np.float64).min(axis=0), table.astype(np.float64).max(axis=0)
    slack = 1e-6 * np.abs(table.astype(np.float64)).max()
    assert (wide >= low - slack).all()
    assert (wide <= high + slack).all()


@given(ROWS, WIDTH, SEED, st.sampled_from(["linear", "tile"]), st.sampled_from(DTYPES))
def test_the_same_length_is_the_same_table(old, width, seed, method, dtype):
    table = drawn(old, width, dtype, seed)
    found = extend_table(table, old, method=method)
    assert found.tobytes() == table.tobytes()
    assert found is not table
    assert not np.shares_memory(found, table)


@given(*SIZES)
def test_linear_keeps_every_old_row_where_the_steps_fit(old, factor, width, seed):
    table = drawn(old + 1, width, seed=seed)
    found = extend_table(table, old * (factor + 1) + 1)
    np.testing.assert_allclose(found[:: factor + 1], table, rtol=0, atol=1e-12)


@given(*SIZES)
def test_tile_then_crop_is_the_old_table(old, more, width, seed):
    table = drawn(old, width, seed=seed)
    assert (extend_table(table, old + more, method="tile")[:old] == table).all()


@pytest.mark.parametrize(
    ("table", "length", "options", "message"),
    [
        (np.zeros((4, 2)), 3, {}, "length=3 is below the table's usable length 4; extending only lengthens"),
        (np.zeros((6, 2)), 3, {"layout": TableLayout(length=4, reserved=2)}, "length=3 is below .* usable length 4"),
        (np.zeros((6, 2)), 5, {"layout": TableLayout(length=4, prefix=2)}, "length=5 is below .* usable length 6"),
        (np.zeros((0, 2)), 3, {}, "length=3 is below the table's usable length 0"),
        (np.zeros((4, 2)), 8, {"method": "cubic"}, "method='cubic' must be one of linear, tile"),
        (np.zeros((4, 2)), 8, {"layout": TableLayout(length=5)}, "layout describes 5 rows, but the table has 4"),
        (np.zeros((4, 2)), 8, {"layout": TableLayout(grid=(2, 2))}, r"layout is a grid of \(2, 2\); 'linear' extends"),
        (np.zeros(4), 8, {}, r"table must be floating-point \[rows, d_model\], got float64 of shape \[4\]"),
        (np.zeros((4, 2), dtype=np.int32), 8, {}, "got int32 of shape"),
        (np.zeros((4, 2), dtype=complex), 8, {}, "got complex128 of shape"),
    ],
)
def test_what_cannot_be(table, length, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        extend_table(table, length, **options)
