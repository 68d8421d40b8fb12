"""Candidates: their losses, and what becomes of them where short inputs read the old table."""

import numpy as np
import pytest

from posembed.quality.search.language.candidates import Candidate, in_words, means

OUTCOMES = {8: np.array([1.0, 0.0, 1.0, 1.0]), 16: np.array([0.0, 1.0])}


def test_values_are_means_over_documents():
    one = Candidate("tile", {"range": 4}, 4, OUTCOMES)
    assert one.values == means(OUTCOMES) == {8: 0.75, 16: 0.5}
    assert one.worth == pytest.approx(-0.625)
    assert one.documents == 4


def test_the_record_has_the_losses_by_their_name():
    record = Candidate("tile", {"range": 4}, 4, OUTCOMES).record()
    assert record.values == {8: 0.75, 16: 0.5}
    assert record.to_dict() == {
        "method": "tile", "options": {"range": 4}, "kept": 4, "loss": {"8": 0.75, "16": 0.5}, "documents": 4,
    }  # fmt: skip
    assert record.accuracy is None
    assert type(record).from_dict(record.to_dict()) == record


def test_short_inputs_have_the_outcomes_of_the_old_table():
    old = {8: np.zeros(4), 16: np.zeros(2)}
    one = Candidate("tile", {"range": 4}, 4, OUTCOMES).with_short(8, old)
    assert (one.kept, one.values) == (8, {8: 0.0, 16: 0.5})
    assert one.with_short(16, old).values == {8: 0.0, 16: 0.0}


def test_in_words():
    words = Candidate("stretch", {"range": 4, "ratio": 2}, 0, OUTCOMES).describe()
    assert words == "stretch (range 4, ratio 2) 0.750 at 8, 0.500 at 16"
    assert in_words({256: 0.5, 32: 0.1254}) == "0.125 at 32, 0.500 at 256"
