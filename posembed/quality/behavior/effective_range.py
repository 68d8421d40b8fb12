"""Where the curve of a measure over the texts' first position bends: the behavioral effective range."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posembed.quality.rng import generator
from posembed.records.behavior import EffectiveRange, Measure
from posembed.records.interval import Interval
from posembed.statistics import CONFIDENCE, mean_interval

Floats = NDArray[np.float64]

RESAMPLES = 400
"""Bootstrap resamples of the texts; half a step between two starts is added to the interval on either side."""
WIDTHS = (1, 2, 4, 8)
"""Lengths of the bend, in texts: one where rows past the end are untrained, more where they fade."""
LEAST_POINTS = 8
"""Starts whose texts share no row: with fewer, any four numbers fit."""
LEAST_SHARE = 0.15
"""Smallest bend, as a share of what a model loses when all positions are one: smaller ones do not matter."""
LEAST_GAIN = 8.0
"""Nats by which a bend must be likelier than a straight line: level, rise, end and length are fitted, and the end is
sought in some thirty places, which gains 5 or 6 by chance."""
LEAST_HEAD = 1
"""Texts' lengths between the first start's text and the first end that is sought. An end before that is not found:
below 48 of 512 positions."""
LEAST_HARM = 3.0
"""Harm of random rows, in standard deviations of the curve, with which an end would stand out from it."""
NO_USE = {"cosine": 1e-3, "patches": 1e-3, "loss": 1e-2}
"""A loss below which nobody would notice, by measure: less from giving up all positions is no use of them."""


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
        random: the measure on random rows of the same norm, which is what untrained rows are, ``[draws, texts]``.
    """

    measure: Measure
    positions: int
    tokens: int
    starts: NDArray[np.int64]
    values: Floats
    unmoved: Floats
    without: Floats
    random: Floats

    @property
    def sign(self) -> int:
        """−1 for a measure of which more is better."""
        return 1 if self.measure == "loss" else -1

    @property
    def separate(self) -> int:
        """Number of starts whose texts share no row."""
        if len(self.starts) < 2:
            return len(self.starts)
        step = max(int(self.starts[1] - self.starts[0]), self.tokens)
        return int(self.starts[-1] - self.starts[0]) // step + 1


@dataclass(frozen=True)
class _Bend:
    end: int
    rise: float
    gain: float


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
        >>> found = effective_range(Curve("loss", 120, 8, starts, values, np.full(24, 2.0), np.full(24, 4.0), values))
        >>> found.verdict, found.end, found.low, found.high
        ('ends', 64, 62, 66)
    """
    intervals = tuple(Interval(**mean_interval(values)) for values in curve.values)
    known = EffectiveRange("unknown", None, None, None, (), curve.tokens, tuple(curve.starts.tolist()), intervals)
    if curve.separate < LEAST_POINTS:
        few = f"{curve.positions} positions are too few for texts of {curve.tokens} tokens"
        return replace(known, evidence=(few,))
    lost = curve.sign * float((curve.without - curve.unmoved).mean())
    damage = curve.sign * (curve.values - curve.unmoved)
    fit = _Fit(curve)
    best = fit.best(damage.mean(axis=1)[None])[0]
    numbers = f"{best.rise:.2g} more from there on; with all positions on one row, {max(lost, 0.0):.2g}"
    if best.gain < LEAST_GAIN or best.rise < max(NO_USE[curve.measure], LEAST_SHARE * lost):
        sentence = f"no bend stands out: the clearest is at {best.end}, where the model loses {numbers}"
        return _without_end(known, curve, damage, sentence)
    ends = np.array([each.end for each in fit.best(_resampled(damage, seed))])
    low, high = np.quantile(ends, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    # Texts tell nothing between two starts.
    low, high = max(0, int(low) - fit.step // 2), min(curve.positions, int(np.ceil(high)) + fit.step // 2)
    sentence = f"the model loses {numbers} ({best.gain:.0f} nats likelier than a straight line)"
    return replace(known, verdict="ends", end=best.end, low=low, high=high, evidence=(sentence,))


def _without_end(known: EffectiveRange, curve: Curve, damage: Floats, sentence: str) -> EffectiveRange:
    """Return the verdict where no bend was found: there is none only if untrained rows would make one."""
    level, random = damage.mean(axis=1), (curve.sign * (curve.random - curve.unmoved)).mean(axis=1)
    harm = float(random.mean() - level.mean())
    if harm < max(NO_USE[curve.measure], LEAST_HARM * float(level.std())):
        blind = f"random rows cost the model hardly more than its own ({harm:.2g}), so an end could not be seen"
        return replace(known, evidence=(blind,))
    return replace(known, verdict="no end", evidence=(sentence, f"random rows would cost {harm:.2g}"))


def _resampled(damage: Floats, seed: int) -> Floats:
    rng = generator("behavior", "bootstrap", seed)
    texts = damage.shape[1]
    weights = rng.multinomial(texts, np.full(texts, 1 / texts), RESAMPLES) / texts
    return np.asarray(weights @ damage.T)


class _Fit:
    """Fit a level and a ramp, for every place and length of the ramp, with a variance of its own on either side.

    Past the end, rows may do anything: the curve is rough there, and may come back.
    """

    def __init__(self, curve: Curve) -> None:
        starts, tokens = curve.starts.astype(float), curve.tokens
        self.step = step = int(curve.starts[1] - curve.starts[0])
        # An end may lie between two starts: every end that a start's last token may be the first to pass.
        first = int(curve.starts[0]) + tokens + LEAST_HEAD * max(step, tokens)
        self.candidates = [
            (end, width * tokens)
            for end in range(first, int(curve.starts[-1]) + 1, max(1, step // 2))
            for width in WIDTHS
            if end + width * tokens <= curve.positions
        ]
        self.ramps = [np.clip((starts + tokens - end) / width, 0, 1) for end, width in self.candidates]
        self.line = np.stack([np.ones_like(starts), starts], axis=1)
        self.weight = curve.separate / len(starts)
        # What the texts' own differences leave of a point's value; without it a smooth head would be likely beyond all.
        self.floor = float((curve.values - curve.values.mean(axis=0)).var(axis=1).mean()) / curve.values.shape[1]

    def best(self, curves: Floats) -> list[_Bend]:
        """Return the best bend of each curve ``[curves, points]``; one that falls is no bend."""
        line, *_ = np.linalg.lstsq(self.line, curves.T, rcond=None)
        straight = self._unlikely(curves - (self.line @ line).T)
        unlikely, rises = [], []
        for ramp in self.ramps:
            head = ramp == 0
            level = curves[:, head].mean(axis=1, keepdims=True)
            rise = ((curves - level) * ramp).sum(axis=1) / (ramp**2).sum()
            rest = curves - level - rise[:, None] * ramp
            unlikely.append(np.where(rise > 0, self._unlikely(rest[:, head]) + self._unlikely(rest[:, ~head]), np.inf))
            rises.append(rise)
        chosen = np.argmin(unlikely, axis=0)
        return [
            _Bend(self.candidates[place][0], float(rises[place][k]), float(straight[k] - unlikely[place][k]))
            for k, place in enumerate(chosen)
        ]

    def _unlikely(self, rest: Floats) -> Floats:
        """Return the negative log-likelihood of residuals ``[curves, points]`` at their own variance."""
        count = rest.shape[1]
        return np.asarray(self.weight * count * np.log((rest**2).mean(axis=1) + self.floor) / 2)
