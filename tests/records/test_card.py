"""A card's JSON: charts' data stay out, an analysis describes itself, look-alikes are told apart."""

import json
from dataclasses import replace

import pytest

from posembed.records.card import CheckpointCard, LengthLimit, PairCard, TableCard, TablesCompared, Unpaired

TABLE = TableCard(
    key="wpe.weight", shape=(16, 4), dtype="F32", file="model.safetensors", family="gpt2", kind="sequence", rows=16,
    d_model=4, reserved=0, prefix=0, suffix=0, length=16, grid=None, usable_length=16, uncertain=False, refused=None,
    evidence=("named like a position table",), fields=("n_positions",),
)  # fmt: skip
ALIKE = replace(TABLE, key="h.0.attn.bias", kind="none", usable_length=0, refused="a mask")
CARD = CheckpointCard("my-gpt2", (LengthLimit(16, "wpe.weight", "no row"),), (TABLE, ALIKE))


class Analysis:
    def to_dict(self):
        return {"d_model": 4}


def test_the_charts_data_are_not_in_the_json():
    plain = replace(TABLE, views={"much": "data"}).to_dict()
    assert "views" not in plain
    assert plain["shape"] == [16, 4]
    assert plain["analysis"] is None


@pytest.mark.parametrize(("analysis", "plain"), [(Analysis(), {"d_model": 4}), ({"norm": [1.0]}, {"norm": [1.0]})])
def test_an_analysis_describes_itself(analysis, plain):
    assert replace(TABLE, analysis=analysis).to_dict()["analysis"] == plain


def test_a_card_comes_back_from_its_json():
    assert CheckpointCard.from_dict(json.loads(json.dumps(CARD.to_dict()))) == CARD


def test_look_alikes_are_told_apart():
    assert CARD.position_tables == (TABLE,)
    assert CARD.look_alikes == (ALIKE,)


def test_a_pair_knows_its_tables():
    other = CheckpointCard("other", (), (replace(TABLE, key="model.wpe.weight"),))
    compared = TablesCompared("wpe.weight", "model.wpe.weight", 16, 3, 2, 0.5, (1.0,) * 16, (0.0,) * 16, 0.9, ())
    pair = PairCard(CARD, other, (compared,), Unpaired((), ()))
    assert pair.tables_of(compared) == (TABLE, other.tables[0])
    assert json.loads(json.dumps(pair.to_dict()))["pairs"][0]["equal_from_start"] == 2
