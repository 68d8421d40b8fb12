"""Values against annotations; and every option of every command against values of every wrong type."""

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.base import Record
from posembed.records.calibrate import CalibrateOptions
from posembed.records.compare import CompareOptions
from posembed.records.evaluate import EvaluateOptions
from posembed.records.extend import ExtendOptions, ModelOptions, PlanOptions
from posembed.records.inspect import InspectOptions
from posembed.records.override import Override
from posembed.records.search import SearchOptions
from posembed.records.typed import Misfit, PathOrNothing, PathText, fit, hints_of, is_path, shown, words_for

# Each record with what it cannot do without.
RECORDS = {
    CalibrateOptions: {"data": "texts"},
    CompareOptions: {},
    EvaluateOptions: {},
    SearchOptions: {},
    InspectOptions: {},
    PlanOptions: {"length": 64},
    ExtendOptions: {"length": 64},
    ModelOptions: {"length": 64},
}
FIELDS = [(record, each.name) for record in RECORDS for each in dataclasses.fields(record)]
# One value of each type that callers mix up.
VALUES = ["3", "", 3, 3.5, True, b"x", [], ["a"], [1.5], {"a": 1}, object(), 1j, float("nan"), np.array(1.5)]


@pytest.mark.parametrize(
    ("hint", "value", "fitted"),
    [
        (int, np.int64(3), 3),
        (int, 10**30, 10**30),
        (float, 3, 3),
        (float, np.float32(0.5), 0.5),
        (float, np.int32(2), 2.0),
        (bool, np.True_, True),
        (str, np.str_("a"), "a"),
        (tuple[int, ...], np.array([64, 128]), (64, 128)),
        (tuple[int, ...], range(2), (0, 1)),
        (tuple[int, int], [2, 3], (2, 3)),
        (int | tuple[int, int] | None, [2, 3], (2, 3)),
        (int | Sequence[int], [2, 3], (2, 3)),
        (PathText, Path("a/b"), "a/b"),
        (PathOrNothing, "", ""),
        (Path | None, "a/b", Path("a/b")),
        (Literal["a", "b"], "b", "b"),
        (Mapping[int, float], {3: 1}, {3: 1}),
        (Any, object, object),
    ],
)
def test_what_fits(hint, value, fitted):
    found = fit(hint, value)
    assert found == fitted
    assert type(found) is type(fitted)


@pytest.mark.parametrize(
    ("hint", "value", "must"),
    [
        (int, "3", "must be a whole number"),
        (int, 3.0, "must be a whole number"),
        (int, True, "must be a whole number"),
        (int, np.True_, "must be a whole number"),
        (float, "0.5", "must be a number"),
        (float, False, "must be a number"),
        (bool, 1, "must be True or False"),
        (bool, "no", "must be True or False"),
        (str, b"text", "must be text"),
        (str, 3, "must be text"),
        (tuple[int, ...], 64, "must be a sequence of whole numbers"),
        (tuple[int, ...], "64", "must be a sequence of whole numbers, not one string"),
        (tuple[int, ...], {64: 1}, "must be a sequence of whole numbers"),
        (tuple[int, ...], np.array(3), "must be a sequence of whole numbers"),
        (tuple[int, ...], [64, "128"], "must be a whole number"),
        (tuple[int, int], [1, 2, 3], "must be two whole numbers"),
        (tuple[int, int], [1, 2.5], "must be two whole numbers"),
        (int | tuple[int, int] | None, "384", "must be a whole number or two whole numbers"),
        (tuple[Literal["a", "b"], ...], 3, "must be a sequence of names out of a, b"),
        (tuple[Literal["a", "b"], ...], ["c"], "must be one of a, b"),
        (Literal["a", "b"], "A", "must be one of a, b"),
        (Literal["a", "b"], ["a"], "must be one of a, b"),
        (PathText, "", "must be a path, not empty"),
        (PathText, 3, "must be a path"),
        (PathText | None, "", "must be a path, not empty"),
        (Path | None, "", "must be a path, not empty"),
        (Path | None, 3, "must be a path"),
        (Mapping[int, float], [3], "must map names to values"),
        (Mapping[int, float], {3: "x"}, "must be a number"),
        (Override | None, "key", "must be an Override"),
    ],
)
def test_what_does_not_fit(hint, value, must):
    assert fit(hint, value).must == must


def test_which_fields_are_paths():
    paths = {(record, name) for record, name in FIELDS if is_path(hints_of(record)[name])}
    assert {name for _, name in paths} == {"corpus", "data", "qrels", "queries", "tokenizer"}
    assert words_for(PathText | None) == "a path"


def test_a_long_value_is_shown_in_part():
    assert shown("x" * 10_000) == "'" + "x" * 119 + "…"
    assert shown([1, 2]) == "[1, 2]"


@pytest.mark.parametrize(("record", "name"), FIELDS)
def test_every_option_refuses_every_wrong_type(record, name):
    """A value is taken and fits its annotation, or is refused by one of our own errors that names the option."""
    other = ("exactly one of", "`resume` needs", "`data` chooses", "describe the rows of one")
    hint = hints_of(record)[name]
    given = {} if name in ("grid", "image_size") else RECORDS[record]
    for value in VALUES:
        try:
            made = record(**given | {name: value})
        except InvalidArgumentError as refused:
            message = str(refused)
        else:
            taken, message = getattr(made, name), None
            assert not isinstance(fit(hint, taken), Misfit)
            assert not (isinstance(taken, float) and math.isnan(taken))
            assert type(taken) is not bool or bool in (hint, *typing.get_args(hint))
        assert message is None or any(each in message for each in (f"{name}=", f"`{name}`", *other)), message


@pytest.mark.parametrize(("record", "name"), [(r, n) for r, n in FIELDS if hints_of(r)[n] in (int, int | None)])
def test_numpys_whole_numbers_are_taken(record, name):
    given = RECORDS[record] | {name: np.int64(8)}
    if name in ("reserved", "prefix"):
        given["tables"] = ["key"]
    assert type(getattr(record(**given), name)) is int


def test_an_error_of_type_is_an_invalid_argument_and_a_type_error():
    for error in (InvalidArgumentError, TypeError, ValueError, ArgumentTypeError):
        with pytest.raises(error, match=r"^steps='3' must be a whole number$"):
            CompareOptions(steps="3")


def test_wrong_values_of_every_kind():
    for make, sentence in (
        (lambda: EvaluateOptions(lengths=64), "lengths=64 must be a sequence of whole numbers"),
        (lambda: EvaluateOptions(lengths=[64, "128"]), "`lengths`: '128' must be a whole number"),
        (lambda: EvaluateOptions(lengths=[64, 128, 64]), "`lengths` contains 64 twice"),
        (lambda: EvaluateOptions(tasks=["needle", "needle"]), "`tasks` contains 'needle' twice"),
        (lambda: EvaluateOptions(short=0), "short=0 must be at least 1"),
        (lambda: EvaluateOptions(seed=-1), "seed=-1 must be at least 0"),
        (lambda: EvaluateOptions(documents=0), "documents=0 must be at least 1"),
        (lambda: EvaluateOptions(pool=1), "pool=1 must be at least 2"),
        (lambda: EvaluateOptions(original=""), "original='' must be a path, not empty"),
        (lambda: SearchOptions(seed=-1), "seed=-1 must be at least 0"),
        (lambda: SearchOptions(methods=("tile", "tile")), "`methods` contains 'tile' twice"),
        (lambda: InspectOptions(tables=5), "tables=5 must be a sequence of texts"),
        (lambda: InspectOptions(tables=["a", "a"]), "`tables` contains 'a' twice"),
        (lambda: PlanOptions(length=8, seed=-1), "seed=-1 must be at least 0"),
        (lambda: PlanOptions(length=8, keep=-1), "keep=-1 must be at least 0"),
        (lambda: PlanOptions(length=8, ratio=0), "ratio=0 must be at least 1"),
        (lambda: PlanOptions(length=[8, 16]), r"length=\[8, 16\] must be a whole number"),
        (lambda: CompareOptions(out=""), "out='' must be a path, not empty"),
        (lambda: CompareOptions(data=""), "data='' must be a path, not empty"),
        (lambda: CompareOptions(resume="no"), "resume='no' must be True or False"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"^{sentence}$"):
            make()


@dataclasses.dataclass(frozen=True)
class Point(Record):
    step: int
    loss: float | None = None
    pair: tuple[int, int] | None = None
    by_length: Mapping[int, float] | None = None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"step": "3"}, "'step' holds '3', which must be a whole number"),
        ({"step": True}, "'step' holds True, which must be a whole number"),
        ({"step": None}, "'step' holds None, which must be a whole number"),
        ({"step": 3, "loss": "low"}, "'loss' holds 'low', which must be a number"),
        ({"step": 3, "pair": [1, 2, 3]}, r"'pair' holds \[1, 2, 3\], which must be two whole numbers"),
        ({"step": 3, "by_length": {"long": 1.0}}, "'by_length' holds 'long', which must be a whole number"),
        ({"step": 3, "by_length": [1]}, r"'by_length' holds \[1\], which must map names to values"),
        ([3], r"\[3\] is not an object with keys"),
        (None, "None is not an object with keys"),
    ],
)
def test_what_a_damaged_file_holds_is_one_sentence(content, sentence):
    with pytest.raises(InvalidArgumentError, match=f"^not a Point of this version: {sentence}$"):
        Point.from_dict(content)
