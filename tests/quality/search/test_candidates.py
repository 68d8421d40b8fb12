"""Candidates: their values, and what becomes of them where short inputs read the old table."""

import numpy as np
import pytest

from posembed.quality.search.candidates import Candidate, means
from posembed.quality.search.measure import ACCURACY, LOSS

OUTCOMES = {8: np.array([1.0, 0.0, 1.0, 1.0]), 16: np.array([0.0, 1.0])}


def test_values_are_means_over_documents():
    one = Candidate("tile", {"range": 4}, 4, ACCURACY, OUTCOMES)
    assert one.values == means(OUTCOMES) == {8: 0.75, 16: 0.5}
    assert one.worth == pytest.approx(0.625)
    assert one.documents == 4
    assert Candidate("tile", {}, 4, LOSS, OUTCOMES).worth == pytest.approx(-0.625)


@pytest.mark.parametrize(("measure", "other"), [(ACCURACY, "loss"), (LOSS, "accuracy")])
def test_the_record_has_the_measure_by_its_name(measure, other):
    record = Candidate("tile", {"range": 4}, 4, measure, OUTCOMES).record()
    assert record.values == {8: 0.75, 16: 0.5}
    assert record.to_dict() == {
        "method": "tile", "options": {"range": 4}, "kept": 4, measure.name: {"8": 0.75, "16": 0.5}, "documents": 4,
    }  # fmt: skip
    assert getattr(record, other) is None
    assert type(record).from_dict(record.to_dict() | {"accuracy": None, "loss": None} | record.to_dict()) == record


def test_short_inputs_have_the_outcomes_of_the_old_table():
    old = {8: np.zeros(4), 16: np.zeros(2)}
    one = Candidate("tile", {"range": 4}, 4, ACCURACY, OUTCOMES).with_short(8, old)
    assert (one.kept, one.values) == (8, {8: 0.0, 16: 0.5})
    assert one.with_short(16, old).values == {8: 0.0, 16: 0.0}


def test_in_words():
    words = Candidate("stretch", {"range": 4, "ratio": 2}, 0, ACCURACY, OUTCOMES).describe()
    assert words == "stretch (range 4, ratio 2) 0.750 at 8, 0.500 at 16"
