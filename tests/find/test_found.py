"""What is known about a table, as attributes and as JSON."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from posembed import TableLayout, find_tables
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import STORED_LAYOUTS

BY_NAME = {stored.name: stored for stored in STORED_LAYOUTS}


def table(**changes):
    given = {
        "key": "wpe.weight",
        "shape": (20, 8),
        "dtype": "F32",
        "file": Path("model.safetensors"),
        "family": "gpt2",
        "layout": TableLayout(length=16, reserved=2, prefix=1, suffix=1),
        "kind": "sequence",
    }
    return FoundTable(**(given | changes))


def test_json():
    found = table(evidence=("a", "b"), uncertain=True, fields=(FieldRule("n_positions", "rows"),), look_ahead=1)
    assert found.to_dict() == {
        "key": "wpe.weight",
        "shape": [20, 8],
        "dtype": "F32",
        "file": "model.safetensors",
        "family": "gpt2",
        "kind": "sequence",
        "rows": 20,
        "d_model": 8,
        "reserved": 2,
        "prefix": 1,
        "suffix": 1,
        "length": 16,
        "grid": None,
        "usable_length": 17,
        "uncertain": True,
        "refused": None,
        "evidence": ["a", "b"],
        "fields": ["n_positions"],
        "formula": None,
        "unused": None,
    }
    assert type(found.to_dict()["kind"]) is str


def test_json_of_a_grid():
    found = table(shape=(1, 8, 2, 3), layout=TableLayout(grid=(2, 3)), kind="grid", stored=BY_NAME["1,d,H,W"])
    assert (found.to_dict()["grid"], found.to_dict()["length"], found.d_model) == ([2, 3], None, 8)


def test_usable_length():
    assert table().usable_length == 18
    assert table(look_ahead=1).usable_length == 17
    assert table(refused="a look-alike").usable_length == 0


@pytest.mark.parametrize(
    ("changes", "text", "plain"),
    [
        ({}, True, True),
        ({"refused": "a look-alike"}, False, True),
        ({"kind": "time"}, False, True),
        ({"kind": "grid", "layout": TableLayout(grid=(4, 5))}, False, False),
        ({"stored": BY_NAME["1,rows"], "shape": (1, 20, 8)}, True, False),
    ],
)
def test_what_others_ask(changes, text, plain):
    found = table(**changes)
    assert (found.is_text_sequence, found.is_plain_sequence) == (text, plain)


def test_defaults():
    found = FoundTable("k", (2, 2), "F32", Path("f"), "unknown", TableLayout(length=2))
    assert found.kind is TableKind.NONE
    assert (found.evidence, found.uncertain, found.refused, found.fields) == ((), False, None, ())
    assert (found.resize, found.look_ahead, found.stored.name) == (("bicubic", False, False), 0, "rows")
    assert FieldRule("n", "rows").amount == (0, 0)


def test_a_plain_string_is_a_kind():
    assert table(kind="axis").kind is TableKind.AXIS
    with pytest.raises(ValueError, match="not a valid TableKind"):
        table(kind="other")


def test_the_old_name_of_how_rows_are_stored_warns():
    with pytest.warns(DeprecationWarning, match="FoundTable.memory is now FoundTable.stored.name"):
        assert table(stored=BY_NAME["1,rows"], shape=(1, 20, 8)).memory == "1,rows"


def test_a_new_layout_gives_a_new_shape():
    found = table(stored=BY_NAME["1,rows"], shape=(1, 20, 8))
    assert found.shape_for(TableLayout(length=30)) == (1, 30, 8)


def test_tables_are_values():
    assert pickle.loads(pickle.dumps(table())) == table()
    assert table(look_ahead=1) != table()


def test_a_look_alike_of_one_number_or_a_line(tmp_path):
    tensors = {"a.relative_position_bias": torch.tensor(1.0), "b.rotary_pos_emb": torch.ones(3)}
    save_file(tensors, tmp_path / "model.safetensors")
    torch.save(tensors, tmp_path / "model.pt")
    for file in ("model.safetensors", "model.pt"):
        found = [table.to_dict() for table in find_tables(tmp_path / file)]
        assert [(each["shape"], each["rows"], each["d_model"]) for each in found] == [([], 1, 1), ([3], 3, 1)]
