import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import WorkFailedError
from posembed.layout import TableLayout
from posembed.tables.built_in import BUILT_IN
from posembed.tables.extend import exact_rows, extend_table

LONGER = [method.name for method in BUILT_IN if method.kind == "sequence" and method.direction == "longer"]
COPIES_OLD_ROWS = ["tile", "hierarchical", "repeat-last", "mean", "zeros", "random"]
GRIDS = [method.name for method in BUILT_IN if method.kind == "grid" and method.name != "sinusoid"]
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


@pytest.mark.parametrize("method", LONGER)
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


@given(ROWS, WIDTH, SEED, st.sampled_from([*LONGER, "crop"]), st.sampled_from(DTYPES))
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


@given(*SIZES, st.sampled_from(COPIES_OLD_ROWS), st.sampled_from(DTYPES), st.tuples(*[st.integers(0, 2)] * 3))
def test_extending_then_cropping_is_the_old_table(old, more, width, seed, method, dtype, around):
    layout = TableLayout(old, None, *around)
    more = min(more, old * old - old) if method == "hierarchical" else more
    table = drawn(layout.rows, width, dtype, seed)
    before = table.tobytes()
    longer = extend_table(table, layout.usable_length + more, method=method, layout=layout)
    assert table.tobytes() == before
    assert longer.dtype == dtype
    assert longer.shape == (len(table) + more, width)
    grown = TableLayout(old + more, None, *around)
    assert extend_table(longer, layout.usable_length, method="crop", layout=grown).tobytes() == before


@given(
    st.tuples(*[st.integers(1, 6)] * 4),
    SEED,
    st.sampled_from(GRIDS),
    st.sampled_from(DTYPES),
    st.tuples(*[st.integers(0, 2)] * 3),
)
def test_grids_change_nothing_around_them(sizes, seed, method, dtype, around):
    old, new = sizes[:2], sizes[2:]
    layout, grown = TableLayout(None, old, *around), TableLayout(None, new, *around)
    table = drawn(layout.rows, 3, dtype, seed)
    before = table.tobytes()
    found = extend_table(table, grid=new, method=method, layout=layout)
    assert table.tobytes() == before
    assert not np.shares_memory(found, table)
    assert found.dtype == dtype
    assert found.shape == (grown.rows, 3)
    first, suffix = layout.reserved + layout.prefix, layout.suffix
    assert found[:first].tobytes() == table[:first].tobytes()
    assert found[grown.rows - suffix :].tobytes() == table[layout.rows - suffix :].tobytes()
    alone = extend_table(table[first : layout.rows - suffix], grid=new, method=method, layout=TableLayout(grid=old))
    assert found[first : grown.rows - suffix].tobytes() == alone.tobytes()
    pairs = exact_rows(method, layout, grid=new)
    assert found[pairs[:, 1]].tobytes() == table[pairs[:, 0]].tobytes()
    assert len(pairs) == (grown.rows if old == new or method in ("nearest", "tile") else first + suffix)
    if old == new:
        assert found.tobytes() == before


def test_auto_is_tile_or_bicubic():
    table = drawn(6)
    assert extend_table(table, 9, method="auto").tobytes() == extend_table(table, 9, method="tile").tobytes()
    layout = TableLayout(grid=(2, 3))
    found = extend_table(table, grid=(4, 4), method="auto", layout=layout)
    assert found.tobytes() == extend_table(table, grid=(4, 4), method="bicubic", layout=layout).tobytes()


def test_other_byte_orders_and_views_are_taken():
    table = drawn(9, 4, np.float32)
    swapped = table.astype(">f4")
    found = extend_table(swapped, 20)
    assert found.dtype == np.dtype(">f4")
    assert (found == extend_table(table, 20)).all()
    assert (extend_table(table[::2, ::-1], 20) == extend_table(table[::2, ::-1].copy(), 20)).all()
    for method in LONGER:
        assert (extend_table(table.T, 7, method=method) == extend_table(table.T.copy("C"), 7, method=method)).all()
    table.flags.writeable = False
    assert extend_table(table, 20).flags.writeable


def test_a_half_table_is_worked_in_float32():
    """Halves of 1 and 1 + 2⁻¹⁰ lie between two float16 values; sums in float16 would stick to one of them."""
    table = np.array([[1.0, 2048.0], [1.0 + 2**-10, 2050.0]], dtype=np.float16)
    assert extend_table(table, 5)[:, 1].tolist() == [2048.0, 2048.0, 2048.0, 2050.0, 2050.0]
    mean = extend_table(np.full((4096, 1), 60000, np.float16), 4097, method="mean")
    assert mean[-1] == 60000


def test_what_the_dtype_cannot_hold_is_not_written():
    table = np.array([[0.0], [65504.0], [65504.0], [0.0]], dtype=np.float16)
    with pytest.raises(
        WorkFailedError, match="'cubic' gave position 3 a value that is not finite in float16; extend a"
    ):
        extend_table(table, 9, method="cubic")
    assert np.isfinite(extend_table(table.astype(np.float64), 9, method="cubic")).all()
