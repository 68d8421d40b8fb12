"""Tests whether the last rows of a table still match its initial distribution.

Rows that no training sequence reached are still what the initialization drew: independent numbers of mean zero and one
variance (weight decay shrinks all of them alike). Each test below has a known distribution under that, whatever the
scale, and each sees another trace of training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import LEAST_KURTOSIS, LEAST_TAIL, LEAST_VARIANCE


@dataclass(frozen=True, slots=True)
class TailTests:
    """The p-values of the rows from each place to the end, ``[rows]`` each; NaN where the tail is too short.

    Attributes:
        mean: the rows' mean is zero. Training pulls all rows that it sees in common directions.
        neighbours: neighboring rows are uncorrelated. Trained rows are smooth, or at least alike.
        norms: the norms vary no more than a draw's do.
        trend: the first half's norms are those of the second half.
        columns: all dimensions have one variance.
    """

    mean: Floats
    neighbours: Floats
    norms: Floats
    trend: Floats
    columns: Floats

    def combined(self) -> Floats:
        """Return the smallest p-value of each tail, times the number of tests (Bonferroni), at most 1."""
        each = np.stack((self.mean, self.neighbours, self.norms, self.trend, self.columns))
        result: Floats = np.minimum(each.min(axis=0) * len(each), 1.0)
        return result

    def weakest(self, place: int) -> tuple[str, float]:
        """Return the test that speaks most against the tail from ``place`` being untrained, and its p-value."""
        values = {name: float(getattr(self, name)[place]) for name in self.__dataclass_fields__}
        name = min(values, key=lambda each: values[each])
        return name, values[name]


def tail_tests(rows: Floats) -> TailTests:
    """Test every tail of the table, ``rows[c:]`` for each c, for being untrained.

    Each statistic is a sum over rows, so one pass from the end gives those of all tails.

    Args:
        rows: ``[positions, d_model]``, not centered, not all zero.

    Example:
        >>> draw = np.random.default_rng(0).standard_normal((64, 32))
        >>> draw[:20] += 1.0
        >>> tests = tail_tests(draw)
        >>> bool(tests.combined()[20] > 0.01), bool(tests.combined()[0] < 1e-5)
        (True, True)
    """
    # The tails of two distributions; scipy.stats, which has them by their names, takes half a second to import.
    from scipy.special import chdtrc, ndtr

    n, width = rows.shape
    count = np.arange(n, 0, -1.0)
    squares = rows**2
    sizes = squares.sum(axis=1)
    by_column = _from_end(squares)
    total = by_column.sum(axis=1)
    variance = np.maximum(total / (count * width), LEAST_VARIANCE)
    fourth = _from_end((squares**2).sum(axis=1)) / (count * width)
    excess = excess_of(fourth, variance)
    products = np.append(np.einsum("ij,ij->i", rows[:-1], rows[1:]), 0.0)
    sums = _from_end(rows)
    with np.errstate(divide="ignore", invalid="ignore"):  # the shortest tails; they are masked below
        mean = chdtrc(width, (sums**2).sum(axis=1) / (count * variance))
        neighbours = 2 * ndtr(-np.abs(_from_end(products)) / (variance * np.sqrt((count - 1) * width)))
        scatter = _from_end(sizes**2) / variance**2 - 2 * width * total / variance + count * width**2
        norms = chdtrc(count - 1, np.maximum(scatter, 0) / (width * excess))  # rounding may leave it below 0
        columns = chdtrc(
            width - 1, ((by_column / variance[:, None] - count[:, None]) ** 2).sum(axis=1) / (count * excess)
        )
        if width == 1:  # one column differs from no other
            columns = np.full(n, np.nan)
        trend = _trend(sizes, variance, excess, width)
    short = count < LEAST_TAIL
    results = [np.where(short, np.nan, each) for each in (mean, neighbours, norms, trend, columns)]
    return TailTests(*results)


def excess_of(fourth: Floats, variance: Floats) -> Floats:
    """Return the variance of squared numbers in units of their squared mean, from two moments: 2 for normal numbers.

    Example:
        >>> excess_of(np.array([3.0]), np.array([1.0])).tolist()
        [2.0]
    """
    result: Floats = np.maximum(fourth / variance**2, LEAST_KURTOSIS) - 1
    return result


def _from_end(values: NDArray[np.float64]) -> Floats:
    result: Floats = np.cumsum(values[::-1], axis=0)[::-1]
    return result


def _trend(sizes: Floats, variance: Floats, excess: Floats, width: int) -> Floats:
    """Return the p-values that both halves of each tail have the same mean squared norm."""
    from scipy.special import ndtr

    n = len(sizes)
    from_end = np.append(_from_end(sizes), 0.0)
    start = np.arange(n)
    middle = start + (n - start) // 2
    first, second = middle - start, n - middle
    difference = (from_end[start] - from_end[middle]) / first - from_end[middle] / second
    deviation = variance * np.sqrt(width * excess * (1 / first + 1 / second))
    result: Floats = 2 * ndtr(-np.abs(difference) / deviation)
    return result
