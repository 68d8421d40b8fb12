"""Find the change point between trained and untrained rows: the row, and an interval around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import (
    CLOSE_NATS,
    HEAD_SHARE,
    LEAST_DEVIATION,
    LEAST_HEAD,
    LEAST_REACH,
    MOST_HEAD,
    MOST_NATS,
    REACH_FRACTION,
)

_NO_NORM = 1e-300  # in place of a norm of zero, which would divide by zero


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The likeliest first untrained row.

    Attributes:
        place: that row.
        low: first place that is nearly as likely.
        high: last such place.
        gain: nats by which the rows past it are likelier untrained than trained like those before.
    """

    place: int
    low: int
    high: int
    gain: float


def find_change_point(rows: Floats, trained: int, variance: float, excess: float) -> ChangePoint | None:
    """Find where the rows from ``trained`` on stop being like those before.

    Three features of a row are standard normal for an untrained row, whatever came before it: its product with the
    row before, its product with the mean direction of trained rows, and its norm. What they are for trained rows is
    learned from the rows just before ``trained``; then the place that maximizes the likelihood is taken.

    Args:
        rows: ``[positions, d_model]``, not centered.
        trained: rows below this are surely trained.
        variance: of an untrained row's numbers.
        excess: variance of their squares, over the squared mean of them (2 for normal numbers).

    Returns:
        ``None`` where there are too few trained rows to learn from.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((100, 64))
        >>> rows[:60] += 1.0
        >>> find_change_point(rows, 40, 1.0, 2.0).place
        60
    """
    if trained < LEAST_HEAD:
        return None
    head = min(MOST_HEAD, trained // HEAD_SHARE)
    features = _features(rows, trained, head, variance, excess)
    known = features[trained - head : trained]
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), LEAST_DEVIATION)
    # Log-likelihood of a trained row's features less that of an untrained one's: each is normal.
    each = 0.5 * features**2 - 0.5 * ((features - mean) / deviation) ** 2 - np.log(deviation)
    gains = np.clip(each, -MOST_NATS, MOST_NATS).sum(axis=1)[trained:]
    total = np.concatenate(([0.0], np.cumsum(gains)))
    best = int(total.argmax())
    close = np.flatnonzero(total > total[best] - CLOSE_NATS)
    near = close[np.abs(close - best) <= max(LEAST_REACH, len(rows) // REACH_FRACTION)]
    return ChangePoint(trained + best, trained + int(near[0]), trained + int(near[-1]), float(total[best] - total[-1]))


def _features(rows: Floats, trained: int, head: int, variance: float, excess: float) -> Floats:
    """Return ``[rows, 3]``; the mean direction is that of rows other than those it is tried on."""
    size = np.sqrt(variance)
    norms = np.linalg.norm(rows, axis=1)
    product = np.zeros(len(rows))
    product[1:] = np.einsum("ij,ij->i", rows[1:], rows[:-1]) / (size * np.maximum(norms[:-1], _NO_NORM))
    own = rows[trained - head : trained].mean(axis=0)
    earlier = rows[max(0, trained - 2 * head) : trained - head].mean(axis=0)
    along = np.empty(len(rows))
    along[trained:] = rows[trained:] @ own / (size * max(float(np.linalg.norm(own)), _NO_NORM))
    along[:trained] = rows[:trained] @ earlier / (size * max(float(np.linalg.norm(earlier)), _NO_NORM))
    width = rows.shape[1]
    norm = (norms**2 / variance - width) / np.sqrt(width * excess)
    return np.stack((product, along, norm), axis=1)
