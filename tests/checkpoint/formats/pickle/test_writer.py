"""What was read is written again as the same objects."""

import argparse
import collections
import datetime
import io
import pathlib
import pickle

import numpy as np
import pytest

from posembed.checkpoint.formats.pickle.nodes import PickleFaultError
from posembed.checkpoint.formats.pickle.reader import read_nodes
from posembed.checkpoint.formats.pickle.writer import write_nodes


def again(value, protocol=2):
    return pickle.loads(write_nodes(read_nodes(io.BytesIO(pickle.dumps(value, protocol)), 1 << 30)))


VALUES = [
    *(0, 255, 256, 65535, 65536, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, -(2**200)),
    *(1.5, float("inf"), "", "é", "é" * 5000, None, True, b"", b"\xff" * 300, bytearray(b"ab")),
    *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], list(range(2500)), {}, {"a": {1: (2, [3])}}, {1, 2}),
    *(frozenset({1}), collections.OrderedDict(a=1), argparse.Namespace(a=[1]), pathlib.PurePosixPath("/a/b")),
    *(datetime.datetime(2026, 1, 2), collections.defaultdict(list, {"a": [1]}), 3 + 4j, {"a": "x", "b": "x"}),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_values_of_every_protocol(value, protocol):
    result = again(value, protocol)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("value", [1 << 5000, "a" * 70_000, b"a" * 70_000])
def test_long_ones(value):
    assert again(value) == value


def test_arrays():
    assert np.array_equal(again(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3))


def test_shared_parts_stay_shared_and_circles_closed():
    part = [1]
    circle = [part, part, {"a": part}]
    circle.append(circle)
    result = again(circle)
    assert result[0] is result[1] is result[2]["a"]
    assert result[3] is result


def test_many_shared_parts_need_wide_places_in_the_memo():
    parts = [[number] for number in range(400)]
    result = again([parts, list(parts)])
    assert result[0][399] is result[1][399]


def test_deep_structures_are_written_without_recursion():
    data = b"]" * 20_000 + b"a" * 19_999 + b"."
    root = read_nodes(io.BytesIO(data), 0)
    assert write_nodes(root).count(b"]") == 20_000


def test_a_tuple_that_holds_itself_is_refused():
    part = []
    circle = (part,)
    part.append(circle)
    root = read_nodes(io.BytesIO(pickle.dumps(circle, 2)), 0)
    with pytest.raises(PickleFaultError, match="holds itself"):
        write_nodes(root)
