"""Where, row by row, a trained table goes over into an untouched draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posembed.tables.measures.rows import Floats

_MOST = 6.0  # nats that one feature of one row may count: one odd row decides nothing
_CLOSE = 5.0  # nats below the best place that is still a possible one
_LEAST_HEAD, _MOST_HEAD = 8, 48  # rows that trained ones are learned from


@dataclass(frozen=True, slots=True)
class Boundary:
    """The likeliest first untouched row.

    Attributes:
        place: that row.
        low: first place that is nearly as likely.
        high: last such place.
        gain: nats by which the rows past it are likelier untouched than trained like those before.
    """

    place: int
    low: int
    high: int
    gain: float


def find_boundary(rows: Floats, trained: int, variance: float, excess: float) -> Boundary | None:
    """Find where the rows from ``trained`` on stop being like those before.

    Three features of a row are standard normal for an untouched draw, whatever came before it: its product with the
    row before, its product with the mean direction of trained rows, and its norm. What they are for trained rows is
    learned from the rows just before ``trained``; then the place that maximises the likelihood is taken.

    Args:
        rows: ``[positions, d_model]``, not centred.
        trained: rows below this are surely trained.
        variance: of an untouched row's numbers.
        excess: variance of their squares, over the squared mean of them (2 for normal numbers).

    Returns:
        ``None`` where there are fewer than 8 trained rows to learn from.
    """
    if trained < _LEAST_HEAD:
        return None
    head = min(_MOST_HEAD, trained // 2)
    features = _features(rows, trained, head, variance, excess)
    known = features[trained - head : trained]
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1.0)
    each = 0.5 * features**2 - 0.5 * ((features - mean) / deviation) ** 2 - np.log(deviation)
    gains = np.clip(each, -_MOST, _MOST).sum(axis=1)[trained:]
    total = np.concatenate(([0.0], np.cumsum(gains)))
    best = int(total.argmax())
    close = np.flatnonzero(total > total[best] - _CLOSE)
    near = close[np.abs(close - best) <= max(4, len(rows) // 8)]
    return Boundary(trained + best, trained + int(near[0]), trained + int(near[-1]), float(total[best] - total[-1]))


def _features(rows: Floats, trained: int, head: int, variance: float, excess: float) -> Floats:
    """``[rows, 3]``; the mean direction is that of rows other than those it is tried on."""
    size = np.sqrt(variance)
    norms = np.linalg.norm(rows, axis=1)
    product = np.zeros(len(rows))
    product[1:] = np.einsum("ij,ij->i", rows[1:], rows[:-1]) / (size * np.maximum(norms[:-1], 1e-300))
    own = rows[trained - head : trained].mean(axis=0)
    earlier = rows[max(0, trained - 2 * head) : trained - head].mean(axis=0)
    along = np.empty(len(rows))
    along[trained:] = rows[trained:] @ own / (size * max(float(np.linalg.norm(own)), 1e-300))
    along[:trained] = rows[:trained] @ earlier / (size * max(float(np.linalg.norm(earlier)), 1e-300))
    width = rows.shape[1]
    norm = (norms**2 / variance - width) / np.sqrt(width * excess)
    return np.stack((product, along, norm), axis=1)
