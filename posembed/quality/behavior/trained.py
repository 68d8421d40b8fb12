"""Which positions were trained: what the table shows and what the model does, taken together."""

from __future__ import annotations

from posembed.records.behavior import EffectiveRange, TrainedByBoth
from posembed.tables.trained_range.record import TrainedRange

CLOSE = 10
"""Two ends agree if they differ by less than a tenth, or if their intervals meet."""


def trained_by_both(table: TrainedRange, behavior: EffectiveRange) -> TrainedByBoth:
    """Return which positions were trained.

    A table that shows an end, or training up to its last row, is believed: in the study such verdicts held. Where it
    shows neither, an end of the behavior is one of the training too. That the model works alike everywhere says
    nothing about rows that the table leaves open: it may not care.

    Args:
        table: what the rows alone show.
        behavior: up to which position the model works.

    Example:
        >>> open_table = TrainedRange("unknown", None, None, None, None, ("too little to show",), (), None)
        >>> trained_by_both(open_table, EffectiveRange("ends", 64, 60, 68, (), 8)).end
        64
    """
    if table.verdict == "ends" and table.end is not None:
        return TrainedByBoth("ends", table.end, table.low, table.high, _beside(table, behavior))
    if table.verdict == "whole":
        return TrainedByBoth("whole", None, None, None, _whole(behavior))
    if behavior.verdict == "ends":
        reason = "the table does not show it, but the model does worse past them"
        return TrainedByBoth("ends", behavior.end, behavior.low, behavior.high, reason)
    return TrainedByBoth("unknown", None, None, None, "neither the table nor what the model does shows an end")


def _beside(table: TrainedRange, behavior: EffectiveRange) -> str:
    end, low, high = table.end or 0, table.low or 0, table.high or 0
    if behavior.end is None or behavior.low is None or behavior.high is None:
        return "the table shows it; what the model does shows no end"
    if CLOSE * abs(behavior.end - end) < end or (behavior.low <= high and low <= behavior.high):
        return "the table shows it, and the model does worse past them"
    if behavior.end < end:
        return f"the table shows it, but the model works alike only up to {behavior.end}"
    return f"the table shows it, although the model works alike up to {behavior.end}"


def _whole(behavior: EffectiveRange) -> str:
    if behavior.verdict == "ends":
        return f"the table shows it, but the model works alike only up to {behavior.end}"
    return "the table shows it, and nothing that the model does speaks against it"
