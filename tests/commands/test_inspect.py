"""`posembed.inspect_checkpoint` and `posembed.compare_checkpoints`: wrong calls, and what they return."""

import json

import numpy as np
import pytest

import posembed
from posembed.errors import InvalidArgumentError
from posembed.records.card import CheckpointCard
from posembed.records.inspect import InspectOptions

POSITION = "embeddings.position_embeddings.weight"


def test_options_are_keywords_or_a_record(bert):
    card = posembed.inspect_checkpoint(bert, tables=POSITION, reserved=2, depth="brief")
    assert [(table.key, table.reserved, table.length) for table in card.tables] == [(POSITION, 2, 14)]
    options = InspectOptions(tables=POSITION, reserved=2, depth="brief")
    assert posembed.inspect_checkpoint(bert, options) == card


def test_the_record_is_what_the_command_prints(bert, cli):
    code, printed, _ = cli("inspect", bert, "--json")
    assert code == 0
    assert json.loads(printed) == posembed.inspect_checkpoint(bert).to_dict()
    code, printed, _ = cli("inspect", bert, bert, "--json")
    assert json.loads(printed) == posembed.compare_checkpoints(bert, bert).to_dict()


def test_keys_must_be_there(bert):
    with pytest.raises(InvalidArgumentError, match="tables='nope': no position table or look-alike has that name"):
        posembed.inspect_checkpoint(bert, tables=["nope"])
    with pytest.raises(InvalidArgumentError, match="tables='nope': neither checkpoint has a position table"):
        posembed.compare_checkpoints(bert, bert, tables=["nope"])


def test_a_key_of_either_checkpoint_is_enough(bert, write):
    other = write({"wpe.weight": np.ones((32, 8), np.float32)}, "other", config={"model_type": "gpt2"})
    pair = posembed.compare_checkpoints(bert, other, tables=[POSITION, "wpe.weight"])
    assert [(each.first, each.second) for each in pair.pairs] == [(POSITION, "wpe.weight")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": False}, "two checkpoints are compared by the values of their tables: leave values=False out"),
        ({"tables": POSITION, "reserved": 1}, "describe a table of one checkpoint: inspect each by itself"),
    ],
)
def test_calls_that_two_checkpoints_do_not_take(bert, given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        posembed.compare_checkpoints(bert, bert, **given)


def test_a_notebook_shows_the_card_and_the_pair(bert):
    html = posembed.inspect_checkpoint(bert)._repr_html_()
    for part in (POSITION, "usable length 16", "effective rank", "What limits the length", "token-type"):
        assert part in html
    pair = posembed.compare_checkpoints(bert, bert)._repr_html_()
    assert "16 of 16 common positions have equal rows" in pair
    assert "Side by side" in pair


def test_the_result_was_a_dictionary_once(bert):
    card = posembed.inspect_checkpoint(bert, values=False)
    with pytest.warns(DeprecationWarning, match="CheckpointCard is a record since 0.2"):
        assert card["checkpoint"] == str(bert)
    assert CheckpointCard.from_dict(card.to_dict()) == card
