"""Records become JSON and come back; options accept a record or keywords; results still work as mappings."""

import dataclasses
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.base import Options, Record, Result, takes


@dataclass(frozen=True)
class Bucket(Record):
    begin: int = field(metadata={"json": "from"})
    loss: float | None = None


@dataclass(frozen=True)
class Whole(Record):
    name: str
    buckets: tuple[Bucket, ...] = ()
    by_length: Mapping[int, float] = field(default_factory=dict)
    best: Bucket | None = None
    message: str | None = field(default=None, metadata={"omit_none": True})
    pair: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Sizes(Options):
    data: str
    width: int = 4


@dataclass(frozen=True)
class Found(Result):
    score: float


buckets = st.builds(Bucket, st.integers(), st.none() | st.floats(allow_nan=False))


@given(
    st.builds(
        Whole,
        st.text(),
        st.lists(buckets).map(tuple),
        st.dictionaries(st.integers(), st.floats(allow_nan=False)),
        st.none() | buckets,
        st.none() | st.text(),
        st.none() | st.tuples(st.integers(), st.integers()),
    )
)
def test_round_trip_through_json(whole):
    assert Whole.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_json_names():
    assert Whole("a", (Bucket(3),)).to_dict() == {
        "name": "a",
        "buckets": [{"from": 3, "loss": None}],
        "by_length": {},
        "best": None,
        "pair": None,
    }


def test_unknown_and_missing_keys_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"not a Whole of this version: unknown size; without name"):
        Whole.from_dict({"size": 3})


def test_options_from_keywords_or_a_record():
    assert Sizes.of(None, {"data": "x"}) == Sizes(data="x")
    given = Sizes(data="x", width=2)
    assert Sizes.of(given, {}) is given
    with pytest.raises(ArgumentTypeError, match="either options or keywords, not both: width"):
        Sizes.of(given, {"width": 3})
    with pytest.raises(ArgumentTypeError, match="no option 'height'; the options are data, width"):
        Sizes.of(None, {"data": "x", "height": 3})
    with pytest.raises(ArgumentTypeError, match="the option 'data' is required"):
        Sizes.of(None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        given.width = 3


def test_a_result_is_still_a_mapping_and_warns():
    found = Found(0.5)
    with pytest.warns(DeprecationWarning, match=r"Found is a record since 0\.2"):
        assert found["score"] == 0.5
    with pytest.warns(DeprecationWarning, match="call to_dict"):
        assert dict(found) == {"score": 0.5}
    with pytest.warns(DeprecationWarning, match="call to_dict"):
        assert "score" in found
    with pytest.warns(DeprecationWarning, match="call to_dict"):
        assert list(found.items()) == list(zip(found.keys(), found.values(), strict=True)) == [("score", 0.5)]
    with pytest.warns(DeprecationWarning, match="call to_dict"):
        assert len(found) == 1
    assert found  # without a warning


def test_paths_are_written_as_text():
    @dataclass(frozen=True)
    class Place(Record):
        file: Path

    assert Place(Path("a/b")).to_dict() == {"file": "a/b"}


def test_a_signature_shows_the_options_and_their_defaults():
    @dataclass(frozen=True, kw_only=True)
    class Choices(Options):
        data: str
        width: int = 4
        more: Mapping[str, int] = field(default_factory=dict)

    @takes(Choices)
    def run(path: str, options: Choices | None = None, **keywords: object) -> None:
        pass

    shown = inspect.signature(run).parameters
    assert list(shown) == ["path", "options", "data", "width", "more"]
    assert shown["data"].default is inspect.Parameter.empty
    assert (shown["width"].default, shown["more"].default) == (4, {})


def test_options_of_another_kind_are_refused():
    with pytest.raises(ArgumentTypeError, match="must be Options"):
        Options.of({"values": False}, {})
