"""The record of a calibration and what a saved state belongs to: written and read back."""

import dataclasses

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.calibration import (
    Calibration,
    CalibrationIdentity,
    CalibrationStart,
    CurvePoint,
    RequestedSizes,
    TimeBudget,
)
from tests.fixtures.calibrations import recorded


def test_a_record_is_read_back():
    record = recorded()
    plain = record.to_dict()
    assert Calibration.from_dict(plain) == record
    assert plain["schema"], plain["schema_version"] == ("posembed.calibration", 2)
    assert plain["curve"] == [
        {"step": 0, "train": None, "validation": 2.0}, {"step": 5, "train": 1.5, "validation": 1.0},
    ]  # fmt: skip
    assert plain["start"] == {
        "method": "tile", "options": {"range": 32}, "keep": 32, "period": 32, "why": ["because"],
    }  # fmt: skip
    with pytest.warns(DeprecationWarning, match="Calibration is a record since 0.2"):
        assert record["steps"] == record.steps


def test_a_record_of_the_first_version_is_read():
    """It had made documents alone, and no spline."""
    plain = recorded().to_dict() | {"schema_version": 1}
    for added in ("hidden", "knots", "asked"):
        del plain["configuration"][added]
    read = Calibration.from_dict(plain)
    assert (read.configuration.hidden, read.configuration.knots, read.configuration.asked) == (1.0, 0, 0.0)
    plain["configuration"]["kind"] = "causal"
    assert Calibration.from_dict(plain).configuration.hidden == 0  # as for language models since then


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"schema": "posembed.evaluate"},
            "schema='posembed.evaluate' of schema_version=2 is not 'posembed.calibration'",
        ),
        ({"schema_version": 3}, "schema_version=3 is not 'posembed.calibration' of version 2"),
        ({"more": 1}, "not a Calibration of this version: unknown more"),
    ],
)
def test_records_of_another_kind_are_refused(changed, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        Calibration.from_dict(recorded().to_dict() | changed)


def test_a_time_budget_is_stored_once_it_is_settled():
    start = CalibrationStart("tile", {}, 1, 1, ())
    plain = CalibrationIdentity(sha256="a", model_sha256="b", asked=RequestedSizes(4, None, 0), start=start)
    assert "timed" not in plain.to_dict()
    assert CalibrationIdentity.from_dict(plain.to_dict()) == plain
    timed = dataclasses.replace(plain, timed=TimeBudget(2.0, None))
    assert timed.to_dict()["timed"] == {"minutes": 2.0, "steps": None}
    assert CalibrationIdentity.from_dict(timed.to_dict()) == timed
    assert CurvePoint.from_dict({"step": 1, "train": None, "validation": 0.5}).train is None
