"""Everything that is measured of one position table, gathered in one frozen record."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.measure import Selection
from posembed.tables.measures.norms import RowProfile, row_profile
from posembed.tables.measures.registry import Measures, measured, notes_of
from posembed.tables.rows import Floats, as_rows, require_layout
from posembed.tables.trained_range.detect import range_of
from posembed.tables.trained_range.record import TrainedRange

__all__ = ["SCHEMA", "SCHEMA_VERSION", "Measures", "TableAnalysis", "analyze_table"]

SCHEMA, SCHEMA_VERSION = "posembed.analysis", 1


@dataclass(frozen=True, slots=True)
class TableAnalysis:
    """The measures of a position table.

    Attributes:
        layout: what its rows mean.
        d_model: width of a row.
        profile: row by row: norm, robust z of the norm, roughness, cosine to the next row.
        measures: for the whole table, the positions alone, and the positions without the first.
        trained_range: which positions were trained, inferred from the table alone.
        notes: what was thinned out or could not be measured, a sentence each.
    """

    layout: TableLayout
    d_model: int
    profile: RowProfile
    measures: tuple[Measures, ...]
    trained_range: TrainedRange
    notes: tuple[str, ...] = ()

    @property
    def positions(self) -> Measures:
        """The measures of the positions alone."""
        return next(m for m in self.measures if m.selection == "positions")

    def to_dict(self) -> dict[str, object]:
        """Return plain values for a JSON file; what is not defined is ``None``."""
        layout = dataclasses.asdict(self.layout) | {
            "rows": self.layout.rows,
            "positions": self.layout.positions,
            "usable_length": self.layout.usable_length,
        }
        plain = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "d_model": self.d_model,
            "layout": layout,
            "profile": dataclasses.asdict(self.profile),
            "measures": [dataclasses.asdict(each) for each in self.measures],
            "trained_range": self.trained_range.to_dict(),
            "notes": list(self.notes),
        }
        return {name: _plain(value) for name, value in plain.items()}


def analyze_table(table: NDArray[Any], *, layout: TableLayout | None = None) -> TableAnalysis:
    """Measure a position table.

    Args:
        table: ``[rows, d_model]`` of real numbers.
        layout: what the rows mean; by default all of them are positions of a sequence.

    Returns:
        Every measure; one that is not defined (of a single row, of a constant table) is ``None``.

    Raises:
        InvalidArgumentError: for a table that is not finite ``[rows, d_model]``, or that the layout does not describe.

    Example:
        >>> import numpy as np
        >>> analysis = analyze_table(np.random.default_rng(0).standard_normal((64, 16)))
        >>> analysis.positions.rows, analysis.positions.spectrum.effective_rank < 16
        (64, True)
    """
    rows = as_rows(table)
    layout = layout or TableLayout(length=len(rows))
    require_layout(rows, layout)
    positions = rows[layout.position_rows]
    if not len(positions):
        raise InvalidArgumentError("the layout has no positions (length 0): there is nothing to measure")
    selections = _selections(rows, positions, layout)
    measures = [measured(each) for each in selections[1:]]
    same = len(rows) == len(positions)
    measures.insert(0, replace(measures[0], selection="table") if same else measured(selections[0]))
    return TableAnalysis(
        layout,
        rows.shape[1],
        row_profile(rows, layout),
        tuple(measures),
        range_of(positions, layout),
        tuple(notes_of(selections, tuple(measures))),
    )


def _selections(rows: Floats, positions: Floats, layout: TableLayout) -> tuple[Selection, ...]:
    """Return the whole table, the positions alone, and of a sequence the positions without the first."""
    first, axis = layout.position_rows.start, layout.grid is None
    alone = Selection("positions", first, positions, layout.grid, axis)
    whole = Selection("table", 0, rows, layout.grid if len(rows) == len(positions) else None, axis)
    if not axis or len(positions) < 2:  # a grid's first patch is one like the others
        return whole, alone
    return whole, alone, Selection("positions without the first", first + 1, positions[1:], None, axis)


def _plain(value: Any) -> Any:
    """Return a value for JSON: what is not finite is not defined, so ``None``."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
