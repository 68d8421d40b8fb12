"""A place where the rows of a table change abruptly: where much of the training ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posembed.tables.measures.norms import NORMAL_MAD, neighbour_cosines
from posembed.tables.measures.rows import Floats

_SPIKE = 4.0  # a step's statistic, over the median of all places: a trend has a large one everywhere
_LEAST = 8.0  # standard errors


@dataclass(frozen=True, slots=True)
class Step:
    """An abrupt change.

    Attributes:
        place: the first position after it.
        norm_before: mean norm of the rows before it.
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
    """The place where norms jump most, if they jump there and not everywhere.

    Args:
        rows: ``[positions, d_model]``, none of them zero.
    """
    norms = np.linalg.norm(rows, axis=1)
    n = len(norms)
    window = int(np.clip(n // 12, 6, 40))
    first = max(window, n // 16)
    if n < 4 * window or not (norms > 0).all():
        return None
    level = np.log(norms)
    places = np.arange(first, n - window + 1)
    before = np.lib.stride_tricks.sliding_window_view(level, window)[places - window]
    after = np.lib.stride_tricks.sliding_window_view(level, window)[places]
    # Medians: one odd row is no step.
    difference = np.median(after, axis=1) - np.median(before, axis=1)
    spread = np.sqrt((_variance(before) + _variance(after)) / window)
    z = np.abs(difference) / np.maximum(spread, 1e-12)
    best = int(z.argmax())
    if z[best] < _LEAST or z[best] < _SPIKE * np.median(z):
        return None
    place = int(places[best])
    cosines = neighbour_cosines(rows)
    left, right = cosines[max(0, place - 4 * window) : place - 1], cosines[place : place + 4 * window]
    return Step(
        place,
        float(np.exp(np.median(before[best]))),
        float(np.exp(np.median(after[best]))),
        float(left.mean()),
        float(right.mean()),
    )


def _variance(values: Floats) -> Floats:
    """Robust: from the median absolute deviation."""
    middle = np.median(values, axis=1, keepdims=True)
    result: Floats = (NORMAL_MAD * np.median(np.abs(values - middle), axis=1)) ** 2
    return result
