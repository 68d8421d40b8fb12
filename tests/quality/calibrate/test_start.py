"""Where the calibration of a table that is long enough begins: what it repeats is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.start import exact_period, start_as_it_is
from tests.fixtures.calibrations import request_of

RNG = np.random.default_rng(0)


@given(period=st.integers(2, 12), length=st.integers(13, 40))
def test_the_period_of_repeated_rows(period, length):
    rows = np.resize(RNG.standard_normal((period, 3)), (length, 3))
    assert exact_period(rows) == period


@pytest.mark.parametrize(
    "rows",
    [
        RNG.standard_normal((20, 3)),
        np.ones((20, 3)),
        np.concatenate((RNG.standard_normal((1, 3)), np.ones((19, 3)))),  # the mean behind the first row
        np.concatenate((np.resize(RNG.standard_normal((4, 3)), (12, 3)), np.ones((1, 3)))),  # but for the last row
    ],
)
def test_rows_that_repeat_nothing_that_was_trained(rows):
    assert exact_period(rows) is None


def test_one_equal_number_is_no_equal_row():
    rows = RNG.standard_normal((8, 2))
    rows[4, 0] = rows[0, 0]
    assert exact_period(rows) is None


def repeated(reserved=0):
    rows = np.resize(RNG.standard_normal((40, 2)), (100, 2))
    return np.concatenate((RNG.standard_normal((reserved, 2)), rows))


@pytest.mark.parametrize("reserved", [0, 2])
@pytest.mark.parametrize(
    ("keep", "share_rows", "kept", "period"),
    [(None, True, 40, 40), (None, False, 40, 100), (7, True, 7, 40), (0, False, 0, 100)],
)
def test_what_is_repeated_is_kept(reserved, keep, share_rows, kept, period):
    request = request_of(rows=repeated(reserved), reserved=reserved, keep=keep)
    start = start_as_it_is(request, share_rows=share_rows)
    assert (start.method, start.options, start.keep, start.period) == ("as it is", {}, kept, period)
    assert start.why == (f"the table as it is; the first {kept} positions are kept",)


def test_a_table_that_repeats_nothing_needs_to_be_told():
    request = request_of(rows=RNG.standard_normal((30, 2)))
    with pytest.raises(InvalidArgumentError, match=r"a/checkpoint does not repeat its first rows.* set `keep` to"):
        start_as_it_is(request, share_rows=True)
    told = request_of(rows=RNG.standard_normal((30, 2)), keep=3)
    assert start_as_it_is(told, share_rows=True).period == 30
