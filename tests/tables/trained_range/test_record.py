import dataclasses
import json

import pytest

from posembed.tables.trained_range.change_point import ChangePoint
from posembed.tables.trained_range.norm_step import Step
from posembed.tables.trained_range.record import TrainedRange
from posembed.tables.trained_range.tail_tests import TailTests

RANGE = TrainedRange("ends", 12, 11, 13, 0.95, ("why",), (3,), 12)


@pytest.mark.parametrize(
    "record", [RANGE, ChangePoint(1, 1, 1, 0.0), Step(1, 1.0, 2.0, 0.5, 0.5), TailTests(*[None] * 5)]
)
def test_records_cannot_be_changed(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, 5)
    assert not hasattr(record, "__dict__")  # slots: a misspelled attribute is an error


def test_plain_values():
    plain = json.loads(json.dumps(RANGE.to_dict()))
    assert plain == {
        "verdict": "ends", "end": 12, "low": 11, "high": 13, "confidence": 0.95, "evidence": ["why"],
        "odd_rows": [3], "suggested_usable_length": 12,
    }  # fmt: skip
