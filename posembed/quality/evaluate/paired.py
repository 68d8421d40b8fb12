"""Paired differences over documents: bootstrap intervals, exact tests, and Holm's correction for many cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 10_000


def bootstrap_interval(values: ArrayLike, seed: int = 0) -> dict[str, float]:
    """Mean of ``values`` with a percentile bootstrap interval over them.

    Args:
        values: one number a document; for a paired difference, the differences.
        seed: of the resampling.

    Returns:
        ``mean``, ``low`` and ``high``; without spread all three are the mean.

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
    found = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        batch=1000,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return {"mean": mean, "low": float(found.low), "high": float(found.high)}


def paired_test(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p-value of equal means over the same documents.

    Outcomes of 0 and 1 by McNemar's exact test, other numbers by Wilcoxon's signed ranks.

    Example:
        >>> paired_test([1, 1, 1, 1, 0], [0, 0, 0, 0, 0])
        0.125
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    moved = difference[difference != 0]
    if len(moved) == 0:
        return 1.0
    if np.isin(moved, (-1.0, 1.0)).all():
        return float(stats.binomtest(int((moved > 0).sum()), len(moved)).pvalue)
    return float(stats.wilcoxon(difference).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: p-values that may be read side by side.

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


def difference(first: ArrayLike, second: ArrayLike, seed: int = 0) -> dict[str, Any]:
    """``first − second`` over the same documents: mean, interval and p-value."""
    pair = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return bootstrap_interval(pair, seed) | {"p": paired_test(first, second)}


def recovered(worse: ArrayLike, method: ArrayLike, better: ArrayLike, seed: int = 0) -> dict[str, float]:
    """Share of a gap in loss that a method closes, ``(worse − method) / (worse − better)`` of means over documents.

    Args:
        worse: a loss for each document, of where the gap begins.
        method: likewise, of what is judged.
        better: likewise, of an oracle.
        seed: of the resampling of documents.

    Returns:
        ``mean``, and ``low`` and ``high`` of a percentile bootstrap over documents.

    Example:
        >>> recovered([3.0, 3.0], [1.5, 1.5], [1.0, 1.0])
        {'mean': 0.75, 'low': 0.75, 'high': 0.75}
    """
    losses: NDArray[np.float64] = np.array([worse, method, better], dtype=np.float64)
    draw = np.random.default_rng(seed)
    chosen = draw.integers(0, losses.shape[1], (RESAMPLES, losses.shape[1]))
    means = np.stack([row[chosen].mean(axis=1) for row in losses])
    shares = (means[0] - means[1]) / (means[0] - means[2])
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    whole = losses.mean(axis=1)
    return {"mean": float((whole[0] - whole[1]) / (whole[0] - whole[2])), "low": float(low), "high": float(high)}
