"""An extension's JSON: a plan has no `out`, what was carried out has one."""

import json
from dataclasses import replace

from posembed.records.extension import (
    ChangedBuffer,
    ChangedField,
    ChangedTable,
    ExtensionRecord,
    LeftOutFile,
    Lengths,
    Shapes,
    UnchangedTable,
)

PLAN = ExtensionRecord(
    "my-bert",
    (
        ChangedTable(
            "e.weight", "model.safetensors", "sequence", "bert", Shapes((16, 4), (32, 4)), Lengths(16, 32), None,
            "tile", {"range": 12}, "every row below range",
        ),
    ),
    (UnchangedTable("other.weight", "has 32 usable positions already"),),
    (ChangedBuffer("e.position_ids", "position numbers", Shapes((1, 16), (1, 32))),),
    (ChangedField("config.json", "max_position_embeddings", 16, 32, "explains the rows of e.weight"),),
    (LeftOutFile("model.onnx", "the old table"),),
    (),
    ("only the first 12 rows are repeated",),
)  # fmt: skip


def test_a_plan_says_nothing_of_an_output():
    plain = PLAN.to_dict()
    assert "out" not in plain
    assert "length_aware" not in plain
    assert "chosen" not in plain
    assert plain["tables"][0]["shape"] == {"before": [16, 4], "after": [32, 4]}
    assert plain["tables"][0]["grid"] is None


def test_what_was_carried_out_names_its_output():
    done = replace(PLAN, length_aware=False, out="long-bert").to_dict()
    assert done["out"] == "long-bert"
    assert done["length_aware"] is False


def test_a_dry_run_has_no_output():
    assert replace(PLAN, length_aware=True).to_dict()["out"] is None


def test_it_comes_back_from_its_json():
    for record in (PLAN, replace(PLAN, length_aware=True, out="x")):
        assert ExtensionRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
