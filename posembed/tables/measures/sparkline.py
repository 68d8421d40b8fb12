"""A row of numbers as a line of bars."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

_BARS = "▁▂▃▄▅▆▇█"
_LEVEL = 1e-6  # relative; a smaller range is rounding, which has no shape


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return the values as bars, lowest to highest; the mean of each stretch where there are more than ``width``.

    Example:
        >>> sparkline([0.0, 1.0, 2.0, 7.0])
        '▁▂▃█'
    """
    if not values:
        return ""
    count = min(width, len(values))
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    means = [fmean(values[a:b]) for a, b in pairwise(ends)]
    low, high = min(means), max(means)
    if not high - low > _LEVEL * abs(high):
        return _BARS[3] * count
    return "".join(_BARS[min(7, int((value - low) / (high - low) * 8))] for value in means)
