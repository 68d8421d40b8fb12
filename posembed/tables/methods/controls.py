"""Methods that a useful one must beat: zeros and random rows behind the old ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.method import Method
from posembed.tables.methods.arguments import whole
from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.methods.sources import LONGFORMER

Rows = NDArray[Any]
Index = NDArray[np.int64]


def zeros(rows: Rows, new: int) -> Rows:
    """Append rows of zeros to P; ``[N, d]``.

    Example:
        >>> zeros(np.array([[1.0]]), 3).ravel().tolist()
        [1.0, 0.0, 0.0]
    """
    return np.concatenate((rows, np.zeros((new - len(rows), rows.shape[1]), rows.dtype)))


def random(rows: Rows, new: int, *, seed: int = 0) -> Rows:
    """Append normal rows with the mean and standard deviation of all numbers of P; ``[N, d]``.

    The same seed gives the same rows (NumPy's PCG64), and a larger N continues where a smaller one ended.

    Example:
        >>> rows = np.array([[1.0], [3.0]])
        >>> bool((random(rows, 4) == random(rows, 9)[:4]).all())
        True
    """
    rng = np.random.default_rng(whole("seed", seed, 0))
    drawn = rng.standard_normal((new - len(rows), rows.shape[1]))
    scaled = drawn * rows.std(dtype=np.float64) + rows.mean(dtype=np.float64)
    return np.concatenate((rows, scaled.astype(rows.dtype)))


def keeps_random(old: int, new: int, *, seed: int = 0) -> Index:
    """Return the pairs of all old rows, for the seeds that :func:`random` takes."""
    whole("seed", seed, 0)
    return keeps_old_rows(old, new)


ZEROS = Method(
    "zeros",
    "sequence",
    "P, then zeros",
    "every old row",
    "control",
    zeros,
    keeps_old_rows,
    "longer",
)
RANDOM = Method(
    "random",
    "sequence",
    "P, then normal rows with the mean and standard deviation of all numbers of P",
    "every old row",
    f"control: the floor in {LONGFORMER}",
    random,
    keeps_random,
    "longer",
)
