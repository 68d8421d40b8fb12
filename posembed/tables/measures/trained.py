"""The trained range as a line of the summary."""

from __future__ import annotations

from dataclasses import dataclass

from posembed.tables.measures.measure import Line, SummaryMeasure
from posembed.tables.trained_range.detect import range_of
from posembed.tables.trained_range.record import TrainedRange

MOST_UNUSUAL = 8  # unusual rows that are named; more are only hinted at


@dataclass(frozen=True, slots=True)
class TrainedSummary:
    """Which positions were trained, with the evidence."""

    trained_range: TrainedRange

    def to_dict(self) -> dict[str, object]:
        """Return the trained range as plain values."""
        return {"trained_range": self.trained_range.to_dict()}

    def lines(self) -> list[Line]:
        """Return the verdict in one line, and each piece of evidence."""
        evidence = [("", sentence) for sentence in self.trained_range.evidence]
        return [("trained range", trained_sentence(self.trained_range)), *evidence]


def trained_sentence(found: TrainedRange) -> str:
    """Return the trained range in one line.

    Example:
        >>> trained_sentence(TrainedRange("whole", None, None, None, 0.9, (), (), 512))
        'the whole table (confidence 0.90); suggested usable length 512'
    """
    text = {
        "ends": f"positions below {found.end} (between {found.low} and {found.high})",
        "whole": "the whole table",
        "unknown": "unknown: it cannot be inferred from the table alone",
    }[found.verdict]
    if found.confidence is not None:
        text += f" (confidence {found.confidence:.2f})"
    if found.suggested_usable_length is not None:
        text += f"; suggested usable length {found.suggested_usable_length}"
    if found.odd_rows:
        unusual = ", ".join(map(str, found.odd_rows[:MOST_UNUSUAL]))
        text += f"; unusual rows at {unusual}" + (" …" if len(found.odd_rows) > MOST_UNUSUAL else "")
    return text


TRAINED_RANGE = SummaryMeasure(
    lambda table: TrainedSummary(range_of(table.positions, table.layout)),
    lambda analysis: TrainedSummary(analysis.trained_range),
)
