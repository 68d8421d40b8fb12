"""Which positions were trained, inferred from the table and the weights of its model together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats, as_rows
from posembed.tables.trained_range.forecast import trained_density
from posembed.tables.trained_range.record import TrainedRange
from posembed.tables.trained_range.thresholds import (
    CONFIDENCE_WEIGHTS,
    EDGE,
    EDGE_NATS,
    FADED,
    LEAST_HEAD,
    LEAST_ROWS,
    LEAST_TAIL,
    LEAST_VARIANCE,
    LEAST_WIDTH,
    LIKELY_NONE,
    LIKELY_WHOLE,
    NEARLY,
    POSTERIOR_WHOLE,
    RULED_OUT,
    WIDE_FRACTION,
)
from posembed.tables.trained_range.weight_shape import WeightShape, weight_shape

_TAIL_OF_INTERVAL = 0.025  # on either side of 95 %


def range_by_weights(rows: NDArray[np.floating], weights: Sequence[NDArray[np.floating]]) -> TrainedRange | None:
    """Infer which positions were trained from the rows and the weights that were trained with them.

    Args:
        rows: ``[positions, d_model]``, without reserved, prefix and suffix rows. Its scale does not matter.
        weights: weight matrices of the model; those without a side of ``d_model`` are left out.

    Returns:
        ``None`` where there are too few positions or no such weights. ``low`` and ``high`` are those of an end that is
        too uncertain to be claimed too.

    Raises:
        InvalidArgumentError: for a table that is not a finite ``[rows, d_model]``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> table, direction = rng.normal(size=(96, 32)), rng.normal(size=32)
        >>> table[:50] += direction
        >>> weights = rng.normal(size=(64, 32)) + 2 * rng.normal(size=(64, 1)) * direction
        >>> found = range_by_weights(table, [weights])
        >>> found.verdict, abs(found.end - 50) < 4
        ('ends', True)
    """
    table = as_rows(rows).astype(np.float64)
    shape = weight_shape(weights, table.shape[1]) if len(table) >= LEAST_ROWS and table.any() else None
    if shape is None:
        return None
    return _verdict(_posterior(table / np.abs(table).max(), shape))


@dataclass(frozen=True)
class _Posterior:
    """How likely each number of trained positions is.

    Attributes:
        ends: the numbers: none, then from the least head on, then all.
        likely: log-likelihoods.
        posterior: probabilities.
        gains: of each row, nats by which it is likelier trained than untrained, if the likeliest end is right.
    """

    ends: NDArray[np.int64]
    likely: Floats
    posterior: Floats
    gains: Floats

    @property
    def best(self) -> int:
        """Index of the likeliest end that leaves some rows and not others."""
        return 1 + int(self.likely[1:-1].argmax())

    def quantile(self, share: float) -> int:
        """Return the end below which that share of the probability lies."""
        place = int(np.searchsorted(np.cumsum(self.posterior), share))
        return int(self.ends[min(place, len(self.ends) - 1)])


def _posterior(table: Floats, shape: WeightShape) -> _Posterior:
    n, width = table.shape
    trained = trained_density(table @ shape.directions, shape.excitations(table))
    ends = np.array([0, *range(LEAST_HEAD, n - LEAST_TAIL + 1), n])
    total = np.concatenate(([0.0], np.cumsum((table**2).sum(axis=1))))
    past = (n - ends[:-1]) * width
    variance = np.maximum((total[n] - total[ends[:-1]]) / past, LEAST_VARIANCE)
    likely = np.concatenate(([0.0], np.cumsum(trained)))[ends]
    # Untrained rows are independent numbers of one variance; that it is fitted costs half a logarithm of their count.
    likely[:-1] += -past / 2 * (np.log(2 * np.pi * variance) + 1) - np.log(past) / 2
    others = (1 - LIKELY_WHOLE - LIKELY_NONE) / (len(ends) - 2)
    prior = np.concatenate(([LIKELY_NONE], np.full(len(ends) - 2, others), [LIKELY_WHOLE]))
    weighed = likely + np.log(prior)
    posterior = np.exp(weighed - np.logaddexp.reduce(weighed))
    at = variance[1 + int(likely[1:-1].argmax())]
    untrained = -width / 2 * np.log(2 * np.pi * at) - (table**2).sum(axis=1) / (2 * at)
    return _Posterior(ends, likely, posterior, trained - untrained)


def _verdict(found: _Posterior) -> TrainedRange:
    n, best = int(found.ends[-1]), found.best
    end = int(found.ends[best])
    whole = float(found.posterior[-1])
    nearly = float(found.posterior[found.ends * NEARLY >= n].sum())
    if whole >= POSTERIOR_WHOLE or (nearly >= POSTERIOR_WHOLE and whole > 0.5):
        gain = found.likely[-1] - found.likely[0]
        words = f"beside the weights, all rows are likelier trained than random, by {gain:.0f} nats"
        return TrainedRange("whole", None, None, None, CONFIDENCE_WEIGHTS, (words,), (), n)
    low, high = found.quantile(_TAIL_OF_INTERVAL), found.quantile(1 - _TAIL_OF_INTERVAL)
    doubt = _doubt(found, end, low, high)
    if doubt is not None:
        return TrainedRange("unknown", None, low, high, None, (doubt,), (), None)
    clear = found.likely[best] - found.likely[-1]
    some = found.likely[best] - found.likely[0]
    evidence = (
        f"the weights of the model respond to the rows before position {end} as to trained ones, and to those from "
        f"there on as to random ones ({some:.0f} nats likelier than that none was trained, {clear:.0f} than that all "
        "were)",
    )
    return TrainedRange("ends", end, low, high, CONFIDENCE_WEIGHTS, evidence, (), end)


def _doubt(found: _Posterior, end: int, low: int, high: int) -> str | None:
    """Return why no end is claimed, or ``None`` if one is."""
    n = int(found.ends[-1])
    none, whole = float(found.posterior[0]), float(found.posterior[-1])
    if none + whole > RULED_OUT:
        return (
            f"the weights leave it open: the likeliest end is {end}, but all rows may be trained (probability "
            f"{whole:.2g}) or none ({none:.2g})"
        )
    if high - low > max(LEAST_WIDTH, end // WIDE_FRACTION):
        return f"beside the weights, the end may lie anywhere between {low} and {high}"
    clear = found.likely[found.best] - found.likely[-1]
    if high * EDGE >= n and clear < EDGE_NATS:
        return f"beside the weights, the last {n - end} rows are hardly trained; so few may be rarely read ones"
    second, last = found.gains[end // 4 : end // 2].mean(), found.gains[3 * end // 4 : end].mean()
    if last < FADED * second:
        return f"beside the weights, training fades before position {end}: rows past it may have been read rarely"
    return None
