"""The record says what was asked for and what was done."""

import datetime

import pytest
import torch

from posembed.quality.calibrate.result import make_result
from posembed.quality.calibrate.table import CalibratedTable
from posembed.records.calibration import CalibrationLosses, CalibrationTexts, CurvePoint
from tests.fixtures.calibrations import identity, request_of
from tests.quality.calibrate.test_trainer import trainer_of

TEXTS = {"train": ["a", "b", "c"], "validation": ["d"], "test": ["e", "f"]}


def trained():
    """A training that has ended: rows 0 and 1 frozen, 2 to 4 restored, the others moved."""
    trainer = trainer_of()
    trainer.table = CalibratedTable(torch.zeros(8, 3), frozen=2, period=8, restored=5)
    with torch.no_grad():
        trainer.table.shift.copy_(torch.tensor([3.0, 0.0, 4.0]))
        trainer.table.rows[0].fill_(100.0)  # of row 2, which is restored
    trainer.curve = [CurvePoint(0, None, 3.0), CurvePoint(5, 2.0, 1.0), CurvePoint(10, 1.0, 2.0)]
    trainer.step, trainer.tokens, trainer.seconds = 12, 345, 6.5
    return trainer


def test_what_was_done():
    trainer = trained()
    record = make_result(request_of(length=128, length_aware=True), trainer, TEXTS, short=64)
    assert (record.checkpoint, record.table, record.configuration) == ("a/checkpoint", "positions", trainer.config)
    assert record.start == identity().start
    assert record.texts == CalibrationTexts("a", 3, 1)
    assert (record.steps, record.training_tokens, record.seconds) == (12, 345, 6.5)
    assert record.curve == tuple(trainer.curve)
    assert record.validation == CalibrationLosses(3.0, 1.0, 5)
    assert record.moved.shift_norm == pytest.approx(5.0)
    assert record.moved.mean_row_norm == pytest.approx(5.0)
    assert (record.length_aware, record.short) == (True, 64)
    assert record.environment["posembed"]
    assert record.peak_memory_bytes > 2**26
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(record.created)
    assert datetime.timedelta(seconds=-1) < age < datetime.timedelta(minutes=1)


def test_of_equal_losses_the_first_counts():
    trainer = trained()
    trainer.curve.append(CurvePoint(15, 1.0, 1.0))
    assert make_result(request_of(), trainer, TEXTS, short=None).validation.at_step == 5
