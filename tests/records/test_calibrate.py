"""Options and configuration of a calibration: defaults, and what is refused by name."""

import dataclasses

import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.calibrate import CalibrateOptions, CalibrationConfig
from tests.fixtures.calibrations import CONFIG, configured


def test_only_data_is_required():
    assert CalibrateOptions(data="a").to_dict() == {
        "data": "a", "length": None, "range": None, "keep": None, "document": None, "steps": None, "minutes": None,
        "batch": None, "shift_rate": None, "row_rate": None, "hidden": 0.0, "facts": 0.5, "every": 50, "patience": None,
        "device": "auto", "precision": "auto", "seed": 0, "length_aware": False, "resume": False, "force": False,
        "trust_remote_code": False,
        "check": "auto",
    }  # fmt: skip
    with pytest.raises(ArgumentTypeError, match="'data' is required"):
        CalibrateOptions.of(None, {})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"batch": 0}, "batch=0 must be at least 1"),
        ({"every": 0}, "every=0 must be at least 1"),
        ({"patience": 0}, "patience=0 must be at least 1"),
        ({"document": 3}, "document=3 must be at least 4"),
        ({"length": 1}, "length=1 must be at least 2"),
        ({"keep": -1}, "keep=-1 must be at least 0"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"shift_rate": float("nan")}, "shift_rate=nan must be a number"),
        ({"shift_rate": float("inf")}, "shift_rate=inf must be at least 0 and finite"),
        ({"row_rate": -1.0}, "row_rate=-1.0 must be at least 0 and finite"),
        ({"facts": 1.5}, "facts=1.5 must be a fraction, from 0 to 1"),
        ({"facts": -0.1}, "facts=-0.1 must be a fraction, from 0 to 1"),
    ],
)
def test_values_that_no_calibration_can_have(settings, sentence):
    """The options refuse them as the configuration does."""
    for make in (lambda: CalibrateOptions(data="texts", **settings), lambda: configured(**settings)):
        with pytest.raises(InvalidArgumentError, match=sentence):
            make()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"minutes": 0.0}, "minutes=0.0 must be above 0 and finite"),
        ({"minutes": float("inf")}, "minutes=inf must be above 0 and finite"),
        ({"minutes": float("nan")}, "minutes=nan must be a number"),
        ({"precision": "fp8"}, "precision='fp8' must be one of auto, bf16, fp32"),
    ],
)
def test_options_that_are_refused(settings, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        CalibrateOptions(data="texts", **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"keep": 128}, "keep=128 leaves none of 128 positions"),
        ({"document": 129}, "document=129 must be at most the length, 128"),
        ({"document": 32}, "document=32 must be above keep=32"),
        ({"above": 64}, "document=64 must be above 64: with length_aware=True, inputs of up to 64 tokens read the old"),
        ({"shift_rate": 0.0, "row_rate": 0.0}, "`shift_rate` and `row_rate` are both 0"),
        ({"held_out": 1}, "held_out=1 must be at least 2"),
        ({"period": 0}, "period=0 must be at least 1"),
        ({"above": -1}, "above=-1 must be at least 0"),
    ],
)
def test_configurations_that_are_refused(settings, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        configured(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"keep": 127, "document": 128}, {"document": 33}, {"above": 63}, {"spread": True, "document": 32},
        {"spread": True, "above": 64}, {"shift_rate": 0.0}, {"row_rate": 0.0}, {"facts": 0.0}, {"facts": 1.0},
        {"keep": 0, "document": 4, "batch": 1, "steps": 1, "every": 1, "patience": 1, "held_out": 2, "period": 1},
    ],
)  # fmt: skip
def test_configurations_at_the_bounds(settings):
    assert configured(**settings).to_dict()


def test_every_value_of_a_configuration_is_settled_by_its_maker():
    """No default that is never reached; the stored key of the kept rows is that of 0.1."""
    assert all(field.default is dataclasses.MISSING for field in dataclasses.fields(CalibrationConfig))
    plain = configured(train_kept_rows=True).to_dict()
    assert list(plain) == ["trained_whole" if name == "train_kept_rows" else name for name in CONFIG]
    assert plain["trained_whole"] is True
    assert CalibrationConfig.from_dict(plain) == configured(train_kept_rows=True)
