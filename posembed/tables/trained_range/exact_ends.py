"""Signs of an end that need no test: copies of earlier rows, equal rows, rows of one norm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import LEAST_EQUAL_ROWS, LEAST_PERIOD, LEAST_TAIL, ONE_NORM


def exact_end(table: Floats) -> tuple[int, str] | None:
    """Return where such rows begin and a sentence that says so, or ``None`` if the table shows none of the signs.

    Args:
        table: ``[positions, d_model]``.

    Example:
        >>> exact_end(np.array([[1.0], [2.0], [0.0], [0.0]]))
        (2, 'the 2 rows from position 2 on are all zero')
    """
    return _copies(table) or _equal_rows(table) or _one_norm(table)


def _copies(table: Floats) -> tuple[int, str] | None:
    """Find rows that repeat earlier ones exactly, with one period."""
    for again in np.flatnonzero((table == table[0]).all(axis=1))[1:]:
        period = int(again)
        if period >= LEAST_PERIOD and np.array_equal(table[period:], table[:-period]):
            words = f"the rows from {period} on are copies of earlier ones, one period of {period} after another"
            return period, words
    return None


def _equal_rows(table: Floats) -> tuple[int, str] | None:
    """Find rows at the end that are all equal: zeros, or one row for all."""
    end = _start_of_run((table == table[-1]).all(axis=1))
    if len(table) - end < LEAST_EQUAL_ROWS:
        return None
    what = "zero" if not table[-1].any() else "equal"
    return end, f"the {len(table) - end} rows from position {end} on are all {what}"


def _one_norm(table: Floats) -> tuple[int, str] | None:
    """Find rows at the end of one norm, as a sinusoid has; random and trained rows never do."""
    norms = np.linalg.norm(table, axis=1)
    level = norms[-1]
    if level == 0:
        return None
    end = _start_of_run(np.abs(norms / level - 1) < ONE_NORM)
    if len(table) - end < LEAST_TAIL:
        return None
    tail = f"the {len(table) - end} rows from position {end} on have one norm (to 0.1 %), as those of a sinusoid"
    return end, tail if end else "all rows have one norm (to 0.1 %), as those of a sinusoid: nothing shows training"


def _start_of_run(same: NDArray[np.bool_]) -> int:
    """Return where the unbroken run of true values at the end begins."""
    return 0 if same.all() else len(same) - int(np.argmin(same[::-1]))
