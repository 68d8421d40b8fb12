"""Rows that stand out from their neighbours."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from posembed.tables.measures.norms import robust_z
from posembed.tables.measures.rows import Floats

WINDOW = 15  # positions whose median a row is held against
LEAST_CHANGE = 0.2  # of the norm, relatively: a smaller one is no matter, however unlikely
LEAST_Z = 6.0
MOST_SHARE = 0.1  # of more rows than this, none is odd: the table is like that


def odd_rows(rows: Floats) -> tuple[int, ...]:
    """Positions whose norm is far from the running median of the norms around it.

    Far is both 20 % and 6 robust standard deviations of all such differences. Position 0 of a causal model is often
    among them, and the last rows of a model whose inputs rarely fill the table.

    Args:
        rows: ``[positions, d_model]``.

    Example:
        >>> table = np.random.default_rng(0).standard_normal((64, 100))
        >>> table[63] *= 2
        >>> odd_rows(table)
        (63,)
    """
    norms = np.linalg.norm(rows, axis=1)
    if len(norms) < WINDOW or not (norms > 0).all():
        return ()
    change = np.log(norms) - np.log(median_filter(norms, size=WINDOW, mode="nearest"))
    # At the ends the window would be filled with the very row that is judged: the nearest whole window is taken.
    half = WINDOW // 2
    change[:half] = np.log(norms[:half]) - np.log(np.median(norms[:WINDOW]))
    change[-half:] = np.log(norms[-half:]) - np.log(np.median(norms[-WINDOW:]))
    z = np.abs(np.nan_to_num(robust_z(change), nan=np.inf))
    far = (z > LEAST_Z) & (np.abs(np.expm1(change)) > LEAST_CHANGE)
    return tuple(np.flatnonzero(far).tolist()) if far.sum() <= MOST_SHARE * len(norms) else ()
