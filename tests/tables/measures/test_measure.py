"""What measures are made of: rows that follow one axis, and notes that are empty unless something is left out."""

import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.measures.measure import Measure, Selection, TableRows, no_notes


@pytest.mark.parametrize(
    ("layout", "positions", "sequence"),
    [
        (TableLayout(length=6, reserved=2), 6, 6),
        (TableLayout(length=4, reserved=1, prefix=2, suffix=1), 4, 4),
        (TableLayout(grid=(2, 3), prefix=2), 6, 0),
    ],
)
def test_a_sequence_follows_one_axis_and_a_grid_does_not(layout, positions, sequence):
    rows = np.arange(16.0).reshape(8, 2)
    table = TableRows(rows, layout)
    np.testing.assert_array_equal(table.positions, rows[layout.position_rows])
    assert (len(table.positions), len(table.sequence)) == (positions, sequence)


def test_a_measure_notes_nothing_by_default():
    selection = Selection("table", 0, np.eye(3), None, axis=True)
    assert list(no_notes(selection, 1)) == []
    assert Measure("trace", lambda each: float(each.rows.trace())).compute(selection) == 3.0
    assert list(Measure("trace", lambda each: each).notes(selection, None)) == []
