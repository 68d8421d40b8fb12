"""Single kernels of the CPU, where the results of the whole would not show a fault."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed (pip install 'posembed[cpu]')")
import numba

from posembed.nn.kernels import cpu_kernels

ROW, ROWS, IDS = numba.float32[::1], numba.float32[:, ::1], numba.int64[::1]
ONE, INT = numba.float32, numba.int64
SUM = (IDS, ROWS, ROWS, IDS, INT, ROWS, IDS, INT)
FLOAT32 = {
    "_differentiate": (INT, INT, ROW, ROWS, ROWS, ROWS, ROWS, ROW, ROW, ONE, ONE),
    "normalize_rows": (ROWS, ROW, ROW, *SUM, ROW, ROW, numba.types.UniTuple(ONE, 4), INT, INT),
    "rows": (ROWS, ROWS, IDS, IDS, INT, numba.boolean, numba.boolean, INT, INT),
}


def test_tokens_are_ordered_by_their_rows_and_keep_their_order():
    order, offsets = np.full(7, -1), np.empty(5, np.int64)
    cpu_kernels.sort(np.array([3, 0, -1, 3, 99, 0, 1]), 7, order, offsets)
    assert offsets.tolist() == [0, 2, 3, 3, 5]
    assert order[:5].tolist() == [1, 5, 6, 0, 3]


def test_one_row_of_keys_serves_the_whole_batch():
    order, offsets = np.empty(4, np.int64), np.empty(3, np.int64)
    cpu_kernels.sort(np.array([1, 0]), 4, order, offsets)
    assert order.tolist() == [1, 3, 0, 2]


def test_clearing_leaves_other_rows_alone():
    table = np.ones((4, 2), np.float32)
    cpu_kernels.clear(table, np.array([2, -1, 4, 2, 0]), 0, 4)
    assert table[:, 0].tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("name", FLOAT32)
def test_sums_of_float32_stay_float32(name):
    """A literal in a kernel would make them float64, at a third of the speed."""
    kernel = numba.njit(getattr(cpu_kernels, name).py_func, error_model="numpy")  # what was cached has no types
    kernel.compile(FLOAT32[name])
    kinds = set(kernel.overloads[FLOAT32[name]].type_annotation.typemap.values())
    assert numba.float32 in kinds
    assert numba.float64 not in kinds


def test_where_no_cache_can_be_written(monkeypatch):
    calls = []

    def njit(**options):
        calls.append(options.get("cache", False))
        if calls[-1]:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert cpu_kernels._compiled()(len) is len
    assert calls == [True, False]
