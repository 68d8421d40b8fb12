"""The record of how a checkpoint was made."""

import json
from dataclasses import replace

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.extension import Lengths, Shapes
from posembed.records.history import Hashes, History, HistoryStep, RecordedTable

TABLE = RecordedTable(
    "wpe", "stretch", {"keep": 20}, Shapes((514, 8), (4098, 8)), Lengths(512, 4096), None, Hashes("a", "b")
)
STEP = HistoryStep("0.3.0", "my-bert", (TABLE,), False)


def test_it_comes_back_from_its_json():
    history = History(steps=(STEP, replace(STEP, tables=(replace(TABLE, grid=Shapes((2, 2), (4, 4))),))))
    stored = json.loads(json.dumps(history.to_dict()))
    assert History.from_dict(stored) == history
    assert stored["schema"] == "posembed.history"
    assert stored["steps"][0]["tables"][0]["sha256"] == {"before": "a", "after": "b"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "wpe: extended from 512 to 4,096 positions by stretch (keep=20), from my-bert"),
        ({"options": {}, "method": "tile"}, "wpe: extended from 512 to 4,096 positions by tile, from my-bert"),
        ({"method": "calibrate", "options": {}}, "wpe: calibrated from 512 to 4,096 positions, from my-bert"),
        (
            {"method": "calibrate", "shape": Shapes((4098, 8), (4098, 8)), "usable_length": Lengths(4096, 4096)},
            "wpe: calibrated at 4,096 positions, from my-bert",
        ),
        (
            {"method": "crop", "options": {}, "shape": Shapes((514, 8), (66, 8)), "usable_length": Lengths(512, 64)},
            "wpe: shortened from 512 to 64 positions by crop, from my-bert",
        ),
        (
            {"method": "bicubic", "options": {}, "grid": Shapes((14, 14), (24, 32))},
            "wpe: extended from 14 × 14 to 24 × 32 by bicubic, from my-bert",
        ),
    ],
)
def test_sentences(change, sentence):
    assert History(steps=(replace(STEP, tables=(replace(TABLE, **change),)),)).sentences() == [sentence]


@pytest.mark.parametrize("change", [{"schema": "other"}, {"schema_version": 2}, {"more": 1}])
def test_other_records_are_refused(change):
    with pytest.raises(InvalidArgumentError):
        History.from_dict(History(steps=(STEP,)).to_dict() | change)
