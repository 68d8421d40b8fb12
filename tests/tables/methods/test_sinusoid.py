"""Rows of a formula at another size: old ones bit for bit, new ones computed."""

import ml_dtypes
import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import exact_rows, extend_table
from posembed.tables.formulas import Formula

VARIANTS = ("interleaved", "half", "fairseq")
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("new", [1, 7, 16, 40])
def test_a_sequence(variant, dtype, new):
    whole = Formula(variant, 2).rows(40, 8).astype(np.float32 if dtype != np.float64 else dtype).astype(dtype)
    layout = TableLayout(length=16, reserved=2, suffix=1)
    table = np.concatenate((np.full((2, 8), 3, dtype), whole[:16], np.full((1, 8), 5, dtype)))
    found = extend_table(table, new + 1, method="sinusoid", layout=layout)
    assert found.dtype == dtype
    assert found[2:-1].tobytes() == whole[:new].tobytes()
    assert found[:2].tobytes() + found[-1:].tobytes() == table[:2].tobytes() + table[-1:].tobytes()


def test_old_rows_keep_the_rounding_of_the_library():
    table = Formula("half").rows(16, 8).astype(np.float32)
    table[9] = np.nextafter(table[9], np.float32(2))
    assert extend_table(table, 40, method="sinusoid")[:16].tobytes() == table.tobytes()
    pairs = exact_rows("sinusoid", TableLayout(length=16), 40)
    assert pairs.tolist() == [[t, t] for t in range(16)]


@pytest.mark.parametrize("order", ["width first", "height first"])
@pytest.mark.parametrize("new", [(3, 5), (2, 9), (6, 2), (4, 4)])
def test_a_grid(order, new):
    layout = TableLayout(grid=(4, 4), prefix=1)
    formula = Formula("half", order=order)
    table = np.concatenate((np.zeros((1, 8)), formula.rows((4, 4), 8).reshape(16, 8))).astype(np.float32)
    found = extend_table(table, grid=new, method="sinusoid", layout=layout)
    wanted = formula.rows(new, 8).reshape(-1, 8).astype(np.float32)
    assert found[:1].tobytes() == table[:1].tobytes()
    assert found[1:].tobytes() == wanted.tobytes()
    pairs = exact_rows("sinusoid", layout, grid=new)
    assert len(pairs) == 1 + min(4, new[0]) * min(4, new[1])


@pytest.mark.parametrize("layout", [TableLayout(length=16), TableLayout(grid=(4, 4))])
def test_a_learned_table_is_refused(layout):
    table = np.random.default_rng(0).normal(size=(16, 8))
    size = {"length": 20} if layout.grid is None else {"grid": (5, 5)}
    with pytest.raises(InvalidArgumentError, match=r"method='sinusoid' .* follow none of the known formulas"):
        extend_table(table, **size, method="sinusoid", layout=layout)
