"""A place where the norms of a table change abruptly: where much of the training ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posembed.tables.measures.norms import NORMAL_MAD, neighbor_cosines
from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import (
    COSINE_WINDOWS,
    LEAST_SPREAD,
    LEAST_STEP,
    LEAST_WINDOW,
    LEAST_WINDOWS,
    MOST_WINDOW,
    SPIKE,
    START_FRACTION,
    WINDOW_FRACTION,
)


@dataclass(frozen=True, slots=True)
class Step:
    """An abrupt change.

    Attributes:
        place: the first position after it.
        norm_before: median norm of the rows before it (the exponential of the median logarithm).
        norm_after: after it.
        cosine_before: mean cosine to the next row, before it.
        cosine_after: after it.
    """

    place: int
    norm_before: float
    norm_after: float
    cosine_before: float
    cosine_after: float


def sharpest_step(rows: Floats) -> Step | None:
    """Return the place where norms jump most, if they jump there and not everywhere.

    Args:
        rows: ``[positions, d_model]``; with a row of zeros there is no step.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((200, 64))
        >>> rows[80:] *= 2
        >>> sharpest_step(rows).place  # to a row or two
        79
    """
    norms = np.linalg.norm(rows, axis=1)
    n = len(norms)
    window = min(max(n // WINDOW_FRACTION, LEAST_WINDOW), MOST_WINDOW)
    first = max(window, n // START_FRACTION)
    if n < LEAST_WINDOWS * window or not (norms > 0).all():
        return None
    level = np.log(norms)
    places = np.arange(first, n - window + 1)
    before = np.lib.stride_tricks.sliding_window_view(level, window)[places - window]
    after = np.lib.stride_tricks.sliding_window_view(level, window)[places]
    # Medians: one unusual row is not a step.
    difference = np.median(after, axis=1) - np.median(before, axis=1)
    spread = np.sqrt((_variance(before) + _variance(after)) / window)
    z = np.abs(difference) / np.maximum(spread, LEAST_SPREAD)
    best = int(z.argmax())
    if z[best] < LEAST_STEP or z[best] < SPIKE * np.median(z):
        return None
    place, reach = int(places[best]), COSINE_WINDOWS * window
    cosines = neighbor_cosines(rows)
    left, right = cosines[max(0, place - reach) : place - 1], cosines[place : place + reach]
    return Step(
        place,
        float(np.exp(np.median(before[best]))),
        float(np.exp(np.median(after[best]))),
        float(left.mean()),
        float(right.mean()),
    )


def _variance(values: Floats) -> Floats:
    """Return a robust variance of each window, from the median absolute deviation."""
    middle = np.median(values, axis=1, keepdims=True)
    result: Floats = (NORMAL_MAD * np.median(np.abs(values - middle), axis=1)) ** 2
    return result
