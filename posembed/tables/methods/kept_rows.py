"""Promises that several methods share: pairs (old row, new row) that are equal bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]


def keeps_old_rows(old: int, new: int, **_options: object) -> Pairs:
    """Return the pairs ``(t, t)``: every old row stays in its place, up to the shorter of the two lengths.

    Example:
        >>> keeps_old_rows(2, 5).tolist()
        [[0, 0], [1, 1]]
    """
    return np.repeat(np.arange(min(old, new), dtype=np.int64)[:, None], 2, axis=1)


def keeps_nothing(_old: object, _new: object, **_options: object) -> Pairs:
    """Return no pair: the method promises no row.

    Example:
        >>> len(keeps_nothing(2, 5))
        0
    """
    return np.empty((0, 2), dtype=np.int64)
