"""The method mean: rows that stay, and the average behind them."""

import statistics

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import exact_rows, extend_table
from tests.fixtures.formulas import drawn


@pytest.mark.parametrize(("keep", "used"), [(0, 7), (1, 4), (7, 2), (3, 1), (None, 5), (2, None)])
def test_a_mean_behind_some_rows_of_some_rows(keep, used):
    table, named = drawn(7), {"keep": keep, "range": used}
    found = extend_table(
        table, 10, method="mean", **{name: value for name, value in named.items() if value is not None}
    )
    keep = 7 if keep is None else keep
    averages = [statistics.fmean(column) for column in table[: 7 if used is None else used].T]
    assert found[:keep].tobytes() == table[:keep].tobytes()
    np.testing.assert_allclose(found[keep:], np.tile(averages, (10 - keep, 1)), rtol=0, atol=1e-14)
    assert exact_rows("mean", TableLayout(length=7), 10, keep=keep).tolist() == [[t, t] for t in range(keep)]


def test_a_mean_is_of_positions_alone():
    table, layout = drawn(9), TableLayout(length=5, reserved=2, prefix=1, suffix=1)
    found = extend_table(table, 10, method="mean", layout=layout, keep=1, range=3)
    assert found[[0, 1, 2, 3, -1]].tobytes() == table[[0, 1, 2, 3, -1]].tobytes()
    np.testing.assert_allclose(found[4:-1], np.tile(table[3:6].mean(axis=0), (7, 1)), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 8}, "keep=8 is above the table's 7 positions"),
        ({"keep": -1}, "keep=-1 must be at least 0"),
        ({"range": 8}, "range=8 is above the table's 7 positions"),
        ({"range": 0}, "range=0 must be at least 1"),
    ],
)
def test_a_mean_takes_rows_that_there_are(options, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        extend_table(drawn(7), 9, method="mean", **options)
    with pytest.raises(InvalidArgumentError, match=sentence):
        exact_rows("mean", TableLayout(length=7), 9, **options)
