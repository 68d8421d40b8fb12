"""Rows whose norm stands out from their neighbors'."""

from __future__ import annotations

import numpy as np

from posembed.tables.measures.norms import robust_z
from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import LEAST_CHANGE, LEAST_Z, MOST_UNUSUAL, NEIGHBORHOOD


def outlier_rows(rows: Floats) -> tuple[int, ...]:
    """Return the positions whose norm is far from the running median of the norms around it.

    Far is both 20 % and 6 robust standard deviations of all such differences. Position 0 of a causal model is often
    among them, and the last rows of a model whose inputs rarely fill the table.

    Args:
        rows: ``[positions, d_model]``.

    Example:
        >>> table = np.random.default_rng(0).standard_normal((64, 100))
        >>> table[63] *= 2
        >>> outlier_rows(table)
        (63,)
    """
    norms = np.linalg.norm(rows, axis=1)
    if len(norms) < NEIGHBORHOOD or not (norms > 0).all():
        return ()
    medians = np.median(np.lib.stride_tricks.sliding_window_view(norms, NEIGHBORHOOD), axis=1)
    # The first and last rows have no whole window around them: the nearest one is taken.
    half = NEIGHBORHOOD // 2
    change = np.log(norms) - np.log(np.pad(medians, half, mode="edge"))
    z = np.abs(np.nan_to_num(robust_z(change), nan=np.inf))
    far = (z > LEAST_Z) & (np.abs(np.expm1(change)) > LEAST_CHANGE)
    return tuple(np.flatnonzero(far).tolist()) if far.sum() <= MOST_UNUSUAL * len(norms) else ()
