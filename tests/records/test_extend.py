"""The options of an extension: what goes together, and that a record on disk is read back."""

from typing import get_args

import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.extend import METHOD_OPTIONS, ExtendOptions, MethodName, ModelOptions, PlanOptions
from posembed.records.override import Override
from posembed.tables.registry import METHODS


def test_the_listed_methods_are_the_built_in_ones():
    names = {method.name for named in METHODS.values() for method in named.values()}
    assert set(get_args(MethodName)) == names | {"auto"}


def test_the_listed_options_are_those_of_the_built_in_methods():
    options = {name for named in METHODS.values() for method in named.values() for name in method.options}
    assert set(METHOD_OPTIONS) == options


def test_options_that_are_set_go_to_the_method():
    options = PlanOptions.of(None, {"length": 8, "method": "stretch", "range": 3, "keep": 0, "ratio": None})
    assert options.for_method == {"keep": 0, "range": 3}
    assert PlanOptions(length=8).for_method == {}


def test_keywords_of_a_registered_method_are_taken():
    options = PlanOptions.of(None, {"length": 8, "method": "mine", "sharpness": 3, "keep": 1})
    assert options.for_method == {"keep": 1, "sharpness": 3}
    with pytest.raises(ArgumentTypeError, match="either options or keywords"):
        PlanOptions.of(options, {"sharpness": 4})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of `length`, `grid` and `image_size` must be given, got none of them"),
        ({"length": 8, "grid": (2, 2)}, "got `length` and `grid`"),
        ({"length": 0}, "length=0 must be a whole number of usable positions, at least 1"),
        ({"length": True}, "length=True must be a whole number"),
        ({"length": 8, "reserved": 2}, "`reserved`, `prefix` and `table_grid` describe the rows of one table"),
        ({"length": 8, "tables": ["a", "b"], "prefix": 2}, "name it with `tables`"),
        ({"length": 8, "tables": ["a"], "prefix": -1}, "prefix=-1 must not be negative"),
        ({"length": 8, "verify": "all"}, "verify='all' must be one of sampled, full"),
        ({"grid": (2, 2), "data": "stdlib"}, "`data` chooses the method"),
        ({"length": 8, "data": "stdlib", "keep": 1}, "`data` chooses the method"),
        ({"length": 8, "corpus": "a", "keep": 1}, "`corpus` chooses the method"),
        ({"length": 8, "queries": "a"}, "`queries` goes with `corpus`"),
        ({"length": 8, "qrels": "a", "data": "stdlib"}, "`qrels` goes with `corpus`"),
        ({"length": 8, "data": "stdlib", "method": "tile"}, "`data` chooses the method"),
        ({"length": 8, "data": "stdlib", "tables": ["a"]}, "`data` chooses the method"),
    ],
)
def test_wrong_options(given, message):
    with pytest.raises((ArgumentTypeError, InvalidArgumentError), match=message):
        ExtendOptions(**given)


def test_single_options_describe_one_table():
    options = PlanOptions(length=8, tables=["pos"], reserved=0, table_grid=(2, 3))
    assert options.described == Override("pos", 0, None, (2, 3))
    assert PlanOptions(length=8, override=Override("a", 1)).described == Override("a", 1)
    assert PlanOptions(length=8, tables=["pos"]).described is None
    assert PlanOptions(length=8, tables="pos", prefix=1).described == Override("pos", 0, 1)


def test_a_record_is_read_back():
    options = ExtendOptions(
        image_size=(32, 64), tables=["a"], override=Override("a", 2), method="bicubic", antialias=True, link=True
    )
    assert ExtendOptions.from_dict(options.to_dict()) == options


def test_a_model_has_a_method_of_its_own():
    assert ModelOptions(length=[8, 16], length_aware=True).method == "linear"


def test_a_length_that_no_array_can_have_is_refused():
    with pytest.raises(InvalidArgumentError, match="must be at most 2147483647"):
        ExtendOptions(length=10**20)


def test_equal_options_have_one_hash():
    one, other = (ExtendOptions(length=8, method_options={"a": [1]}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
