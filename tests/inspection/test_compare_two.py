"""Which tables of two checkpoints are compared, and what stands where one of them cannot be."""

import json

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.inspection.card import measure_checkpoint
from posembed.inspection.compare_two import pair_tables
from posembed.records.card import PairCard, Unpaired
from posembed.records.inspect import InspectOptions

POSITION = "embeddings.position_embeddings.weight"
GPT2 = {"model_type": "gpt2", "n_positions": 32, "n_embd": 8}


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def compared(one, two):
    return pair_tables(*(measure_checkpoint(path, InspectOptions()) for path in (one, two)))


def test_tables_of_one_name_are_paired(write):
    one = write({"wpe.weight": numbers(32, 8), "x.wpe.weight": (32, 8)}, "one", config=GPT2)
    two = write({"wpe.weight": np.tile(numbers(32, 8), (2, 1))}, "two", config=GPT2 | {"n_positions": 64})
    pair = compared(one, two)
    (found,) = pair.pairs
    assert (found.first, found.second, found.equal_from_start) == ("wpe.weight", "wpe.weight", 32)
    assert pair.alone == Unpaired(("x.wpe.weight",), ())
    assert [table.length for table in pair.tables_of(found)] == [32, 64]
    plain = json.loads(json.dumps(pair.to_dict(), allow_nan=False))
    assert plain["pairs"][0]["equal_positions"] == 32
    assert plain["alone"] == {"first": ["x.wpe.weight"], "second": []}


def test_tables_of_two_names_are_paired_where_each_is_alone(write, bert):
    other = write({"transformer.wpe.weight": (32, 8)}, "other", config=GPT2)
    (found,) = compared(bert, other).pairs
    assert (found.first, found.second) == (POSITION, "transformer.wpe.weight")


def test_nothing_to_pair(write, bert):
    empty = write({"dense.weight": (4, 4)}, "empty")
    with pytest.raises(
        InvalidArgumentError,
        match=r"have no position tables to compare: .* in the first, none in the second; limit each",
    ):
        compared(bert, empty)


def test_a_pair_with_a_table_that_cannot_be_measured(write):
    broken = numbers(32, 8)
    broken[0] = np.inf
    one, two = (write({"wpe.weight": t}, n, config=GPT2) for n, t in (("one", broken), ("two", numbers(32, 8))))
    plain = compared(one, two).to_dict()["pairs"][0]
    assert plain["positions"] == 0
    assert plain["row_cosine"] is None
    assert "row 0 is the first of 1 such rows" in plain["remarks"][0]


def test_two_of_a_kind_are_not_paired_by_guessing(write):
    one = write({"a.wpe.weight": (32, 8), "b.wpe.weight": (32, 8), "wte.wpe.weight": (32, 8)}, "one", config=GPT2)
    two = write({"wte.wpe.weight": (32, 8), "c.wpe.weight": (32, 8)}, "two", config=GPT2)
    pair = compared(one, two)
    assert [each.first for each in pair.pairs] == ["wte.wpe.weight"]
    assert pair.alone == Unpaired(("a.wpe.weight", "b.wpe.weight"), ("c.wpe.weight",))


def test_a_record_is_read_back(write, bert):
    pair = compared(bert, write({"wpe.weight": numbers(32, 8)}, "two", config=GPT2))
    assert PairCard.from_dict(pair.to_dict()).to_dict() == pair.to_dict()
