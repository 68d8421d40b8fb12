"""Linear and cubic interpolation against formulas, stated again one number at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.tables.extend import extend_table
from tests.fixtures.formulas import SIZES, by_column, drawn, naive_cubic


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_cubic_against_a_dense_system(old, new):
    table = drawn(old)
    found = extend_table(table, new, method="cubic")
    np.testing.assert_allclose(found, by_column(naive_cubic, table, new), rtol=0, atol=1e-10)


def test_cubic_gives_a_cubic_back_and_linear_does_not():
    cubes = np.arange(6.0)[:, None] ** 3
    wanted = np.linspace(0, 5, 17)[:, None] ** 3
    np.testing.assert_allclose(extend_table(cubes, 17, method="cubic"), wanted, rtol=0, atol=1e-11)
    assert np.abs(extend_table(cubes, 17) - wanted).max() > 1


@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 2**31), st.sampled_from(["linear", "cubic"]))
def test_points_on_a_row_are_that_row_even_minus_zero(old, more, seed, method):
    table = drawn(old, dtype=np.float32, seed=seed)
    table[:, 0] = -0.0
    found = extend_table(table, old + more, method=method)
    hits = 0
    for t in range(old + more):
        above, below = t * (old - 1), max(old + more - 1, 1)
        if above % below == 0:
            hits += 1
            assert found[t].tobytes() == table[above // below].tobytes()
    assert hits >= min(2, old + more)
