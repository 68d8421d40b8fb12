"""The method stretch against its formula, stated again one number at a time."""

import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.extend import exact_rows, extend_table
from tests.fixtures.formulas import by_column, drawn, naive_cubic, naive_linear


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize(
    ("old", "new", "keep", "used"),
    [(77, 248, 20, 77), (9, 9, 0, 9), (9, 9, 2, 5), (9, 20, 8, 9), (9, 20, 0, 1), (9, 31, 3, 7), (9, 10, 0, 8)],
)
def test_stretch_against_a_loop(old, new, keep, used, kernel):
    table = drawn(old)
    found = extend_table(table, new, method="stretch", keep=keep, range=used, kernel=kernel)
    naive = naive_linear if kernel == "linear" else naive_cubic
    wanted = by_column(lambda values: values[:keep] + naive(values[keep:used], new - keep), table)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
    assert found[:keep].tobytes() == table[:keep].tobytes()
    assert found[-1].tobytes() == table[used - 1 if new - keep > 1 or used - keep == 1 else keep].tobytes()


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize(
    ("old", "new", "keep", "used", "ratio"),
    [(77, 248, 20, 77, 2), (9, 40, 0, 5, 3), (9, 40, 3, 9, 1), (9, 12, 2, 9, 4), (9, 21, 8, 9, 2)],
)
def test_a_ratio_draws_out_so_far_and_then_repeats(old, new, keep, used, ratio, kernel):
    table = drawn(old)
    options = {"keep": keep, "range": used, "ratio": ratio}
    found = extend_table(table, new, method="stretch", kernel=kernel, **options)
    naive = naive_linear if kernel == "linear" else naive_cubic
    size = (used - keep) * ratio
    once = by_column(lambda values: values[:keep] + naive(values[keep:used], size), table)
    wanted = [once[t] if t < keep else once[keep + (t - keep) % size] for t in range(new)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
    for before, after in exact_rows("stretch", TableLayout(length=old), new, kernel=kernel, **options):
        assert found[after].tobytes() == table[before].tobytes()


def test_stretch_without_options_is_linear_and_np_ints_do():
    table = drawn(9, dtype=np.float32)
    assert extend_table(table, 23, method="stretch").tobytes() == extend_table(table, 23).tobytes()
    plain = extend_table(table, 23, method="stretch", keep=2, range=7)
    assert extend_table(table, 23, method="stretch", keep=np.int64(2), range=np.int32(7)).tobytes() == plain.tobytes()


def test_rows_past_the_range_are_never_read():
    table = drawn(12)
    other = table.copy()
    other[8:] = 1e9
    first, second = (extend_table(each, 12, method="stretch", keep=3, range=8) for each in (table, other))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != table.tobytes()
