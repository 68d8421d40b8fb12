"""What a caller says about one tensor."""

import pytest

import posembed
from posembed.errors import InvalidArgumentError
from posembed.find import search
from posembed.records.override import Override, override_of


def test_nothing_is_said():
    assert override_of(["a", "b"], reserved=None, prefix=None, table_grid=None) is None


def test_zero_is_an_answer_too():
    assert override_of(["a"], reserved=0, prefix=None, table_grid=None) == Override("a")


@pytest.mark.parametrize("tables", [None, [], ["a", "b"]])
def test_one_table_is_needed(tables):
    with pytest.raises(InvalidArgumentError, match="`reserved`, `prefix` and `table_grid` describe the rows of one"):
        override_of(tables, reserved=1, prefix=None, table_grid=None)


def test_there_is_one_class_of_that_name():
    assert posembed.Override is search.Override is Override
