"""Settings that cannot be are refused by name."""

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.config import CalibrationConfig

GOOD = {"kind": "embedding", "data": "stdlib", "length": 128, "keep": 32, "period": 32, "document": 64}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"batch": 1}, "batch=1 must be at least 2"),
        ({"keep": 128}, "keep=128 leaves none of 128 positions"),
        ({"document": 200}, "document=200 must be at most the length, 128"),
        ({"document": 32}, "document=32 must be above keep=32"),
        ({"shift_rate": float("nan")}, "shift_rate=nan must be at least 0"),
        ({"row_rate": -1.0}, "row_rate=-1.0 must be at least 0"),
        ({"shift_rate": 0.0, "row_rate": 0.0}, "both 0"),
        ({"seed": -1}, "seed=-1"),
        ({"facts": 1.5}, "facts=1.5 must be a share, from 0 to 1"),
        ({"held_out": 1}, "held_out=1"),
    ],
)
def test_refused(settings, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        CalibrationConfig(**GOOD | settings)


def test_a_spread_input_may_be_as_short_as_what_stays():
    made = CalibrationConfig(**GOOD | {"kind": "causal", "document": 32, "spread": True})
    assert made.to_json()["document"] == 32
