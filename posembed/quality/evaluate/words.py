"""The words for a difference in a verdict: significant gain, significant loss, no significant difference."""

from __future__ import annotations

from posembed.statistics import SIGNIFICANCE

NOT_COMPARED = "No original was given: how the checkpoint differs from it is not measured"


def significance(gain: float, p_value: float) -> str:
    """Return whether a difference is a significant gain, a significant loss, or neither.

    Args:
        gain: the mean difference, above 0 where it is for the better.
        p_value: corrected for the number of differences.

    Example:
        >>> significance(0.1, 0.001)
        'significant gain'
    """
    if p_value >= SIGNIFICANCE:
        return "no significant difference"
    return "significant gain" if gain > 0 else "significant loss"
