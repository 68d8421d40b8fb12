"""Numbers as words: rounded, with a true minus sign, and a dash where there is none."""

from __future__ import annotations

MISSING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of decimals, or a dash for ``None``.

    Example:
        >>> number(-0.5), number(2.0, 0), number(None)
        ('−0.500', '2', '–')
    """
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", "−")


def interval(mean: float, low: float, high: float, digits: int = 3) -> str:
    """Return a mean and the bounds of its interval.

    Example:
        >>> interval(0.5, 0.25, 0.75, 2)
        '0.50 (0.25 to 0.75)'
    """
    return f"{number(mean, digits)} ({number(low, digits)} to {number(high, digits)})"
