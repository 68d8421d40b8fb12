"""The options of an inspection."""

import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.inspect import InspectOptions
from posembed.records.override import Override


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": "deep"}, "depth='deep' must be one of brief, full, views"),
        (
            {"reserved": 2},
            "`reserved`, `prefix` and `table_grid` describe the rows of one table: name it with `tables`",
        ),
        ({"tables": ["a"], "reserved": -2}, "reserved=-2 must not be negative"),
    ],
)
def test_wrong_options(given, message):
    with pytest.raises((ArgumentTypeError, InvalidArgumentError), match=message):
        InspectOptions(**given)


def test_single_options_describe_one_table():
    assert InspectOptions(tables=["pos"], prefix=1, table_grid=(2, 3)).described == Override("pos", 0, 1, (2, 3))
    assert InspectOptions().described is None
    assert InspectOptions(tables="pos").tables == ("pos",)


def test_a_record_is_read_back():
    options = InspectOptions(tables=["a", "b"], override=Override("a", 2), depth="brief")
    assert InspectOptions.from_dict(options.to_dict()) == options


def test_texts_are_of_use_only_to_a_model_that_runs():
    assert InspectOptions(run=True, data="texts", seed=3).data == "texts"
    with pytest.raises(InvalidArgumentError, match="`data` is read only where the model is run: set run=True"):
        InspectOptions(data="texts")
    with pytest.raises(InvalidArgumentError, match="seed=-1 must not be negative"):
        InspectOptions(run=True, seed=-1)
