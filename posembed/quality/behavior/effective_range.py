"""Where the curve of a measure over the texts' first position bends: the behavioral effective range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posembed.quality.rng import generator
from posembed.records.behavior import EffectiveRange, Measure
from posembed.records.interval import Interval
from posembed.statistics import CONFIDENCE, mean_interval

Floats = NDArray[np.float64]

RESAMPLES = 400
"""Bootstrap resamples of the texts; the interval is rounded to the step of the starts anyway."""
WIDTHS = (1, 2, 4, 8)
"""Lengths of the bend, in texts: one where rows past the end are untrained, more where they fade."""
LEAST_POINTS = 8
"""Points of a curve with fewer say nothing about a bend."""
LEAST_SHARE = 0.15
"""Smallest bend, as a share of what a model loses when all positions are one: smaller ones do not matter."""
LEAST_EXPLAINED = 0.5
"""Share of the variance of the curve, its linear trend left out, that the bend must explain."""
NO_USE = {"cosine": 1e-3, "patches": 1e-3, "loss": 1e-2}
"""Loss from giving up all positions below which a model does not use them."""


@dataclass(frozen=True)
class Curve:
    """A measure of short texts over their first position.

    Attributes:
        measure: which one.
        positions: of the table.
        tokens: of each text.
        starts: first positions, ascending, ``[points]``.
        values: ``[points, texts]``.
        unmoved: the measure with unmoved positions, ``[texts]``.
        without: the measure where positions say nothing: all of them on one row, ``[texts]``.
    """

    measure: Measure
    positions: int
    tokens: int
    starts: NDArray[np.int64]
    values: Floats
    unmoved: Floats
    without: Floats

    @property
    def sign(self) -> int:
        """−1 for a measure of which more is better."""
        return 1 if self.measure == "loss" else -1


@dataclass(frozen=True)
class _Bend:
    end: int
    rise: float
    level: float
    explained: float


def effective_range(curve: Curve, seed: int = 0) -> EffectiveRange:
    """Return up to which position short texts keep what they say.

    The curve is fitted by a level, and a ramp that begins where the texts' last token passes the end. What the model
    loses along the ramp is compared with what it loses when all positions are one.

    Args:
        curve: of the measure.
        seed: of the resampling of texts.

    Example:
        >>> starts = np.arange(8, 113, 4)
        >>> past = np.clip((starts + 8 - 64) / 8, 0, 1)
        >>> values = 2 + past[:, None] + 0.01 * np.random.default_rng(0).normal(size=(len(starts), 24))
        >>> found = effective_range(Curve("loss", 120, 8, starts, values, np.full(24, 2.0), np.full(24, 4.0)))
        >>> found.verdict, found.end, found.low, found.high
        ('ends', 64, 64, 64)
    """
    intervals = tuple(Interval(**mean_interval(values)) for values in curve.values)
    known = EffectiveRange("unknown", None, None, None, (), curve.tokens, tuple(curve.starts.tolist()), intervals)
    if len(curve.starts) < LEAST_POINTS:
        few = f"{curve.positions} positions are too few for texts of {curve.tokens} tokens"
        return replace(known, evidence=(few,))
    lost = curve.sign * float((curve.without - curve.unmoved).mean())
    if lost < NO_USE[curve.measure]:
        sentence = f"the model hardly uses its positions: with all of them on one row it loses {max(lost, 0.0):.2g}"
        return replace(known, evidence=(sentence,))
    damage = curve.sign * (curve.values - curve.unmoved)
    fit = _Fit(curve)
    best = fit.best(damage.mean(axis=1)[None])[0]
    share = best.rise / lost
    words = f"from there on it loses {best.rise:.2g} more, {share:.0%} of what it loses without any position"
    if share < LEAST_SHARE or best.explained < LEAST_EXPLAINED:
        sentence = f"no bend stands out: the clearest would be at {best.end}; {words}"
        return replace(known, verdict="no end", evidence=(sentence,))
    ends = np.array([each.end for each in fit.best(_resampled(damage, seed))])
    low, high = np.quantile(ends, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return replace(known, verdict="ends", end=best.end, low=int(low), high=int(np.ceil(high)), evidence=(words,))


def _resampled(damage: Floats, seed: int) -> Floats:
    rng = generator("behavior", "bootstrap", seed)
    texts = damage.shape[1]
    weights = rng.multinomial(texts, np.full(texts, 1 / texts), RESAMPLES) / texts
    return np.asarray(weights @ damage.T)


class _Fit:
    """Least squares of a level and a ramp, for every place and length of the ramp."""

    def __init__(self, curve: Curve) -> None:
        starts, tokens = curve.starts.astype(float), curve.tokens
        # An end may lie between two starts: every end that a start's last token may be the first to pass.
        step = min((int(b - a) for a, b in pairwise(curve.starts)), default=1)
        first, last = int(curve.starts[0]) + 2 * tokens, int(curve.starts[-1])
        self.candidates = [
            (end, width * tokens)
            for end in range(first, last + 1, max(1, step // 2))
            for width in WIDTHS
            if end + width * tokens <= curve.positions
        ] or [(last, tokens)]
        self.bases = []
        for end, width in self.candidates:
            ramp = np.clip((starts + tokens - end) / width, 0, 1)
            self.bases.append(np.stack([np.ones_like(starts), ramp], axis=1))
        self.trend = np.stack([np.ones_like(starts), starts], axis=1)

    def best(self, curves: Floats) -> list[_Bend]:
        """Return the best bend of each curve ``[curves, points]``; one that falls is no bend."""
        residuals = np.empty((len(self.bases), len(curves)))
        rises = np.empty_like(residuals)
        levels = np.empty_like(residuals)
        for number, basis in enumerate(self.bases):
            fitted, *_ = np.linalg.lstsq(basis, curves.T, rcond=None)
            levels[number], rises[number] = fitted
            residuals[number] = ((curves.T - basis @ fitted) ** 2).sum(axis=0)
        usable = np.where(rises > 0, residuals, np.inf)
        usable[:, ~np.isfinite(usable).any(axis=0)] = residuals[:, ~np.isfinite(usable).any(axis=0)]
        chosen = usable.argmin(axis=0)
        trend, *_ = np.linalg.lstsq(self.trend, curves.T, rcond=None)
        plain = ((curves.T - self.trend @ trend) ** 2).sum(axis=0)
        columns = np.arange(len(curves))
        explained = 1 - residuals[chosen, columns] / np.maximum(plain, np.finfo(float).tiny)
        return [
            _Bend(self.candidates[place][0], float(rises[place, k]), float(levels[place, k]), float(explained[k]))
            for k, place in enumerate(chosen)
        ]
