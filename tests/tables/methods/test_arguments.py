"""Numbers that methods take: whole, at least so large, at most the rows that there are."""

import numpy as np
import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.tables.methods.arguments import old_rows, whole


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_become_ints(value):
    assert whole("keep", value, 3) == 3
    assert type(whole("keep", value, 0)) is int


@pytest.mark.parametrize("value", [True, np.bool_(1), 3.0, "3", None])
def test_anything_else_is_refused(value):
    with pytest.raises(ArgumentTypeError, match=r"keep=.* must be a whole number, at least 2"):
        whole("keep", value, 2)


def test_too_small():
    with pytest.raises(InvalidArgumentError, match="keep=1 must be at least 2"):
        whole("keep", 1, 2)


def test_a_number_of_old_rows():
    assert old_rows("range", None, 1, 8) == 8
    assert old_rows("range", 8, 1, 8) == 8
    assert old_rows("range", 1, 1, 8) == 1
    with pytest.raises(InvalidArgumentError, match="range=9 is above the table's 8 positions; leave it out"):
        old_rows("range", 9, 1, 8)
    with pytest.raises(InvalidArgumentError, match="range=0 must be at least 1"):
        old_rows("range", 0, 1, 8)
