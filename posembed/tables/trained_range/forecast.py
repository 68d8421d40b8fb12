"""Predict each row of a table from those before it, as trained rows: the density of what came."""

from __future__ import annotations

import numpy as np

from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import (
    LEAST_VARIANCE,
    MEMORIES,
    PRIOR_ROWS,
    SWITCHES,
    WAKES,
)

_LOG_TWO_PI = float(np.log(2 * np.pi))
_MOST_SURE = 1e-12  # a probability is kept this far from 0 and 1, so that it can change again


class Forecast:
    """Features of the next row, from those before it: some directions have a mean and a variance of their own.

    Each direction is *active* or not, which is learned row by row. An inactive one is normal with mean zero and the
    variance that most directions have. An active one has a Student's t distribution, from a normal-inverse-gamma prior
    of one row's weight and the rows so far, which are forgotten exponentially. There is one forecast per memory.

    Args:
        features: number of them, the likeliest to be active first: the k-th is active with probability 1 / (k + 1).
        variance: of inactive directions before the first row.
        learns_variance: whether that variance follows the rows.
    """

    def __init__(self, features: int, variance: float, *, learns_variance: bool) -> None:
        self.prior = 1 / (1 + np.arange(1.0, features + 1))
        self.keep = 1 - 1 / np.array(MEMORIES)
        experts = (len(MEMORIES), features)
        self.active = np.broadcast_to(self.prior, experts).copy()
        self.count = np.zeros(len(MEMORIES))
        self.sums, self.squares = np.zeros(experts), np.zeros(experts)
        self.learns = learns_variance
        self.rows = np.full(len(MEMORIES), PRIOR_ROWS)
        self.spread = self.rows * variance

    def density(self, row: Floats) -> Floats:
        """Return the log density of a row ``[features]``, by memory, and learn from it."""
        variance = (self.spread / self.rows)[:, None]
        count = self.count[:, None]
        weight, freedom = 1 + count, 2 + count
        mean = self.sums / weight
        scale = 2 * (variance + (self.squares - self.sums**2 / weight) / 2) * (weight + 1) / (weight * freedom)
        away = (row - mean) ** 2
        own = _student_constant(freedom) - np.log(scale) / 2 - (freedom + 1) / 2 * np.log1p(away / (freedom * scale))
        plain = -(row**2) / (2 * variance) - (np.log(variance) + _LOG_TWO_PI) / 2
        with np.errstate(under="ignore"):
            both = np.logaddexp(np.log(self.active) + own, np.log1p(-self.active) + plain)
            self._learn(row, np.exp(np.log(self.active) + own - both))
        result: Floats = both.sum(axis=1)
        return result

    def _learn(self, row: Floats, active: Floats) -> None:
        self.active = np.clip(active + WAKES * self.prior * (1 - active), _MOST_SURE, 1 - _MOST_SURE)
        self.count = self.keep * self.count + 1
        self.sums = self.keep[:, None] * self.sums + row
        self.squares = self.keep[:, None] * self.squares + row**2
        if self.learns:
            self.rows = self.keep * self.rows + 1
            self.spread = self.keep * self.spread + _common_variance(row)


def trained_density(along: Floats, excitations: Floats) -> Floats:
    """Return the log density of each row as a trained one, given those before it.

    Args:
        along: the rows along the directions of the weights, ``[rows, d_model]``.
        excitations: how much they excite the weights, ``[rows, shapes]``; standard normal for a random row, so that
            they multiply the density by a ratio.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = rng.normal(size=(40, 16)) + 3 * np.eye(16)[0]
        >>> plain = -(rows**2).sum(axis=1) / 2 - 8 * np.log(2 * np.pi)
        >>> bool((trained_density(rows, np.zeros((40, 0))) - plain)[5:].mean() > 2)
        True
    """
    common = float(np.mean([_common_variance(row) for row in along]))
    rows = Forecast(along.shape[1], max(common, LEAST_VARIANCE), learns_variance=True)
    excited = Forecast(excitations.shape[1], 1.0, learns_variance=False)
    memories = len(MEMORIES)
    believed = np.full(memories, -np.log(memories))
    result = np.empty(len(along))
    for place, (row, excitation) in enumerate(zip(along, excitations, strict=True)):
        random = -(excitation**2).sum() / 2 - len(excitation) * _LOG_TWO_PI / 2
        each = believed + rows.density(row) + excited.density(excitation) - random
        result[place] = np.logaddexp.reduce(each)
        believed = np.log((1 - SWITCHES) * np.exp(each - result[place]) + SWITCHES / memories)
    return result


def _common_variance(row: Floats) -> float:
    """Return the mean square along the weaker half of the directions, which training moves least."""
    return float((row[len(row) // 2 :] ** 2).mean())


def _student_constant(freedom: Floats) -> Floats:
    from scipy.special import gammaln  # a tenth of a second, which only this should cost

    result: Floats = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - np.log(np.pi * freedom) / 2
    return result
