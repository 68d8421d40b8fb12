"""The few measures that are shown first, much quicker to compute than a whole analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.analysis import TableAnalysis
from posembed.tables.measures.measure import Line, Summary, TableRows
from posembed.tables.measures.registry import SUMMARY
from posembed.tables.rows import as_rows, require_layout


@dataclass(frozen=True, slots=True)
class BriefAnalysis:
    """What is shown first of a table.

    Attributes:
        summaries: norms, effective rank, translation invariance, roughness and trained range.
        notes: what was left out, a sentence each.
    """

    summaries: tuple[Summary, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON: the numbers of all summaries, and the notes."""
        plain: dict[str, object] = {}
        for summary in self.summaries:
            plain |= summary.to_dict()
        return plain | {"notes": list(self.notes)}

    def lines(self) -> list[Line]:
        """Return what a terminal and a page show: pairs of name and text; an empty name continues the one above."""
        lines = [line for summary in self.summaries for line in summary.lines()]
        return [*lines, ("notes", "; ".join(self.notes))] if self.notes else lines


def brief_analysis(table: NDArray[Any], layout: TableLayout) -> BriefAnalysis:
    """Measure what is shown first of a table.

    Args:
        table: ``[rows, d_model]`` of real numbers.
        layout: what the rows mean.

    Raises:
        InvalidArgumentError: for a table that is not a finite ``[rows, d_model]``.

    Example:
        >>> import numpy as np
        >>> found = brief_analysis(np.eye(4), TableLayout(length=4)).to_dict()
        >>> found["norm"], round(found["effective_rank"], 6)
        ([1.0, 1.0, 1.0, 1.0], 3.0)
    """
    rows = as_rows(table)
    require_layout(rows, layout)
    seen = TableRows(rows, layout)
    return BriefAnalysis(tuple(measure.quick(seen) for measure in SUMMARY))


def brief_of(analysis: TableAnalysis) -> BriefAnalysis:
    """Return what is shown first, read off a whole analysis.

    Example:
        >>> import numpy as np
        >>> from posembed.tables.measures.analysis import analyze_table
        >>> brief_of(analyze_table(np.eye(4))).lines()[1]
        ('effective rank', '3.0 of at most 3')
    """
    return BriefAnalysis(tuple(measure.of(analysis) for measure in SUMMARY), analysis.notes)
