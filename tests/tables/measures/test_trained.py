from dataclasses import replace

import numpy as np

from posembed.layout import TableLayout
from posembed.tables.measures.measure import TableRows
from posembed.tables.measures.trained import TRAINED_RANGE, TrainedSummary, trained_sentence
from posembed.tables.trained_range.record import TrainedRange

ENDS = TrainedRange("ends", 12, 11, 13, 0.95, ("why so", "and so"), (0,), 12)


def test_the_verdict_in_a_line():
    line = "positions below 12 (between 11 and 13) (confidence 0.95); suggested usable length 12; unusual rows at 0"
    assert trained_sentence(ENDS) == line
    assert trained_sentence(replace(ENDS, odd_rows=(), confidence=None, suggested_usable_length=None)) == (
        "positions below 12 (between 11 and 13)"
    )
    whole = TrainedRange("whole", None, None, None, 0.9, (), tuple(range(8)), 512)
    assert trained_sentence(whole) == (
        "the whole table (confidence 0.90); suggested usable length 512; unusual rows at 0, 1, 2, 3, 4, 5, 6, 7"
    )
    assert trained_sentence(replace(whole, odd_rows=tuple(range(9)))).endswith("6, 7 …")
    unknown = TrainedRange("unknown", None, None, None, None, (), (), None)
    assert trained_sentence(unknown) == "unknown: it cannot be inferred from the table alone"


def test_the_evidence_follows():
    summary = TrainedSummary(ENDS)
    assert summary.lines() == [("trained range", trained_sentence(ENDS)), ("", "why so"), ("", "and so")]
    assert summary.to_dict() == {"trained_range": ENDS.to_dict()}


def test_it_is_of_the_positions_alone():
    rows = np.random.default_rng(0).standard_normal((104, 32))
    rows[4:64] += 2.0
    found = TRAINED_RANGE.quick(TableRows(rows, TableLayout(length=100, reserved=4)))
    assert found.trained_range.end == 60
