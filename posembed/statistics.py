"""Confidence intervals over documents and seeds, paired tests, and Holm's correction for many of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
"""A difference is called significant where its corrected p-value is below this."""
RESAMPLES = 10_000
"""Bootstrap resamples: percentiles then vary by about a hundredth of the interval's width between random seeds."""


# Resamples drawn at a time; the result does not depend on it.
_BATCH = 1000
# Documents up to which resamples are kept: 80 MB.
_MOST_CACHED = 1000


class BootstrapInterval(TypedDict):
    """A mean and the bounds of its bootstrap interval."""

    mean: float
    low: float
    high: float


class PairedDifference(BootstrapInterval):
    """The mean of paired differences, its interval and a p-value."""

    p: float


class MeanInterval(TypedDict):
    """A mean over documents and seeds, with the bounds of its interval; ``None`` where there are too few documents."""

    mean: float | None
    low: float | None
    high: float | None
    documents: int
    seeds: int


def mean_interval(values: ArrayLike, comparisons: int = 1) -> MeanInterval:
    """Return the mean of ``values`` ``[seeds, documents]`` with a 95 % confidence interval over both.

    Seeds and documents are crossed random effects. The variance of the mean is estimated by the sum of the variance
    of the document means over their number and that of the seed means over theirs, and the degrees of freedom by
    Satterthwaite's formula (Satterthwaite 1946), which widens the interval of few seeds: in simulation it covers 87
    % with two seeds where seeds vary more than documents, 92 % with three. With one seed the interval is over
    documents only. For the difference of two arms give the differences, paired by seed and document.

    Documents with a value that is not finite are left out. The bounds are ``None`` below two documents. With
    ``comparisons``, the level is 1 − 0.05 / ``comparisons`` (Bonferroni): all of them hold together with 95 %.

    Example:
        >>> r = mean_interval([[1.0, 2.0, 3.0]])
        >>> r["mean"], round(r["low"], 3), round(r["high"], 3)
        (2.0, -0.484, 4.484)
        >>> round(mean_interval([[1.0, 2.0, 3.0]], comparisons=8)["high"], 3)
        9.269
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    table = table[:, np.isfinite(table).all(axis=0)]
    seeds, documents = table.shape
    if documents == 0:
        return {"mean": None, "low": None, "high": None, "documents": 0, "seeds": seeds}
    mean = float(table.mean())
    if documents < 2:
        return {"mean": mean, "low": None, "high": None, "documents": documents, "seeds": seeds}
    parts = [(float(table.mean(axis=0).var(ddof=1)) / documents, documents - 1)]
    if seeds > 1:
        parts.append((float(table.mean(axis=1).var(ddof=1)) / seeds, seeds - 1))
    variance = sum(part for part, _ in parts)
    half = 0.0
    if variance > 0:
        freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
        tail = (1 - CONFIDENCE) / (2 * max(comparisons, 1))
        half = float(stats.t.ppf(1 - tail, freedom)) * variance**0.5
    return {"mean": mean, "low": mean - half, "high": mean + half, "documents": documents, "seeds": seeds}


def bootstrap_interval(values: ArrayLike, seed: int = 0) -> BootstrapInterval:
    """Return the mean of ``values`` ``[documents]`` with a percentile bootstrap interval over documents.

    Args:
        values: one number per document; for a paired difference, the differences.
        seed: random seed of the resampling.

    Returns:
        ``mean``, ``low`` and ``high``; all three are the mean where the values do not differ.

    Source:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (scipy.stats.bootstrap).

    Example:
        >>> bootstrap_interval([1.0, 1.0, 1.0])
        {'mean': 1.0, 'low': 1.0, 'high': 1.0}
    """
    sample: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) < 2 or np.ptp(sample) == 0:
        return {"mean": mean, "low": mean, "high": mean}
    if len(sample) <= _MOST_CACHED:
        means = _resampled(len(sample), RESAMPLES, seed) @ sample / len(sample)
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return {"mean": mean, "low": float(low), "high": float(high)}
    interval = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return {"mean": mean, "low": float(interval.low), "high": float(interval.high)}


@functools.lru_cache(maxsize=2)
def _resampled(count: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often each of ``count`` documents is in each resample, ``[resamples, count]``.

    The same resamples as scipy.stats.bootstrap draws. An evaluation has a thousand intervals over the same number of
    documents, and drawing anew takes most of the time of each.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for begin in range(0, resamples, _BATCH):
        rows = min(_BATCH, resamples - begin)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        parts.append(np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count))
    return np.concatenate(parts).astype(np.float64)


def paired_test(first: ArrayLike, second: ArrayLike) -> float:
    """Return the two-sided p-value of equal means over the same documents.

    Outcomes of 0 and 1 are compared by McNemar's exact test, other numbers by Wilcoxon's signed ranks.

    Example:
        >>> paired_test([1, 1, 1, 1, 0], [0, 0, 0, 0, 0])
        0.125
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    nonzero = differences[differences != 0]
    if len(nonzero) == 0:
        return 1.0
    if np.isin(nonzero, (-1.0, 1.0)).all():
        return float(stats.binomtest(int((nonzero > 0).sum()), len(nonzero)).pvalue)
    return float(stats.wilcoxon(differences).pvalue)


def corrected_interval(differences: ArrayLike, comparisons: int) -> BootstrapInterval:
    """Return the mean of paired differences with an interval that is corrected for the number of comparisons.

    Student's interval at the level 1 − 0.05 / ``comparisons`` (Bonferroni): all of them hold together with 95 %. A
    bootstrap has too few resamples so far out in the tail.

    Args:
        differences: one number per document.
        comparisons: how many comparisons are made.

    Example:
        >>> found = corrected_interval([0.0, 1.0, 1.0, 0.0], 1)
        >>> found["mean"], round(found["low"], 2), round(found["high"], 2)
        (0.5, -0.42, 1.42)
    """
    sample: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) < 2:
        return {"mean": mean, "low": mean, "high": mean}
    tail = (1 - CONFIDENCE) / (2 * max(comparisons, 1))
    half = float(stats.t.ppf(1 - tail, len(sample) - 1) * sample.std(ddof=1) / len(sample) ** 0.5)
    return {"mean": mean, "low": mean - half, "high": mean + half}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down procedure, so that they may be read side by side.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> PairedDifference:
    """Return the mean of ``first − second`` over the same documents, with its interval and p-value.

    Example:
        >>> difference([1.0, 1.0], [0.0, 0.0])
        {'mean': 1.0, 'low': 1.0, 'high': 1.0, 'p': 0.5}
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return {**bootstrap_interval(differences, seed), "p": paired_test(first, second)}


def recovered(worse: ArrayLike, method: ArrayLike, better: ArrayLike, seed: int = 0) -> BootstrapInterval:
    """Return the share of a gap in loss that a method closes: ``(worse − method) / (worse − better)`` of the means.

    Args:
        worse: loss per document at the start of the gap.
        method: loss per document of the method.
        better: loss per document of an oracle.
        seed: random seed of the resampling of documents.

    Returns:
        ``mean``, and ``low`` and ``high`` of a percentile bootstrap over documents.

    Example:
        >>> recovered([3.0, 3.0], [1.5, 1.5], [1.0, 1.0])
        {'mean': 0.75, 'low': 0.75, 'high': 0.75}
    """
    losses: NDArray[np.float64] = np.array([worse, method, better], dtype=np.float64)
    rng = np.random.default_rng(seed)
    sampled = rng.integers(0, losses.shape[1], (RESAMPLES, losses.shape[1]))
    means = np.stack([row[sampled].mean(axis=1) for row in losses])
    shares = (means[0] - means[1]) / (means[0] - means[2])
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    whole = losses.mean(axis=1)
    return {"mean": float((whole[0] - whole[1]) / (whole[0] - whole[2])), "low": float(low), "high": float(high)}
