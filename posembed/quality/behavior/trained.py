"""Which positions were trained: what the table, the weights and the behavior of the model show, taken together."""

from __future__ import annotations

from posembed.records.behavior import EffectiveRange, TrainedByBoth
from posembed.tables.trained_range.detect import last_part
from posembed.tables.trained_range.record import TrainedRange
from posembed.tables.trained_range.thresholds import CONFIDENCE_EXACT

CLOSE = 10
"""Two ends agree if they differ by less than a tenth, or if their intervals meet."""


def trained_by_both(
    table: TrainedRange, behavior: EffectiveRange, weights: TrainedRange | None = None
) -> TrainedByBoth:
    """Return which positions were trained.

    Rows that are copies, equal or of one norm decide at once. Else the weights, which were trained together with the
    rows, are believed before the table alone, but they do not overrule a table whose last rows are surely trained.
    Where they leave it open, an end of the table, and after it one of the behavior, counts if it lies where the weights
    allow it. That the model works alike everywhere says nothing about rows that the table leaves open: it may not care.

    Args:
        table: what the rows alone show.
        behavior: up to which position the model works.
        weights: what the rows show beside the model's weights; ``None`` where it has none to compare with.

    Example:
        >>> open_table = TrainedRange("unknown", None, None, None, None, ("too little to show",), (), None)
        >>> trained_by_both(open_table, EffectiveRange("ends", 64, 60, 68, (), 8)).end
        64
    """
    shown, words = _shown(table, weights)
    evidence = (*table.evidence, *(weights.evidence if weights is not None else ()))
    if shown.verdict == "ends" and shown.end is not None:
        reason = f"{words}; {_beside(shown.end, shown.low or 0, shown.high or 0, behavior)}"
        return TrainedByBoth("ends", shown.end, shown.low, shown.high, reason, evidence)
    if shown.verdict == "whole":
        return TrainedByBoth("whole", None, None, None, f"{words}{_whole(behavior)}", evidence)
    reason = "neither the table, the weights nor what the model does shows an end"
    if behavior.verdict == "ends":
        if weights is None or _meet(weights, behavior, behavior.tokens):
            reason = "neither the table nor the weights show it clearly, but the model does worse past them"
            return TrainedByBoth("ends", behavior.end, behavior.low, behavior.high, reason, evidence)
        reason = f"the model works alike up to {behavior.end}, but its weights do not show that training ended there"
    return TrainedByBoth("unknown", None, None, None, reason, evidence)


def _shown(table: TrainedRange, weights: TrainedRange | None) -> tuple[TrainedRange, str]:
    """Return what table and weights show together, and which of them shows it."""
    if weights is None or table.confidence == CONFIDENCE_EXACT:
        return table, "the table shows it"
    if weights.verdict == "unknown":
        against = table.verdict == "ends" and not _meet(weights, table)
        return (weights if against else table), "the table shows it"
    if table.verdict == "unknown":
        return weights, "the weights respond to those rows as to trained ones, which the table alone does not show"
    if table.verdict == "ends" == weights.verdict:
        return weights, "the table and the weights of the model show it"
    if table.verdict == weights.verdict:
        return table, "the table and the weights of the model show it"
    if weights.verdict == "whole":
        return (
            weights,
            f"the weights respond to all rows as to trained ones, although the table alone ends at {table.end}",
        )
    rows = table.suggested_usable_length or 0
    if weights.end is not None and weights.end < last_part(rows):
        return table, "the table shows it"
    return weights, "the weights respond to those rows as to trained ones, to the last few as to random ones"


def _meet(one: TrainedRange, other: TrainedRange | EffectiveRange, apart: int = 0) -> bool:
    """Return whether two intervals meet, or are not further apart; one that is missing meets none.

    A bend of the behavior is placed by texts, so it may lie a text's length beside the end of the rows.
    """
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low - apart <= other.high and other.low <= one.high + apart


def _beside(end: int, low: int, high: int, behavior: EffectiveRange) -> str:
    if behavior.end is None or behavior.low is None or behavior.high is None:
        return "what the model does shows no end"
    if CLOSE * abs(behavior.end - end) < end or max(low, behavior.low) <= min(high, behavior.high):
        return "the model does worse past them"
    if behavior.end < end:
        return f"the model works alike only up to {behavior.end}"
    return f"the model works alike beyond it, up to {behavior.end}"


def _whole(behavior: EffectiveRange) -> str:
    if behavior.verdict == "ends":
        return f", but the model works alike only up to {behavior.end}"
    return ", and nothing that the model does speaks against it"
