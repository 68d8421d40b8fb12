"""The method mean: the first rows stay, every further position reads the average of the first rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.method import Method
from posembed.tables.methods.arguments import old_rows
from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.methods.stretching import kept_in_search
from posembed.tables.search_space import Proposal, SearchSpace, SearchTable, Setting, best_ranges

Rows = NDArray[Any]
Index = NDArray[np.int64]

# The row that a search keeps in its first round. Position 0 holds the special first token, whose row is unlike others.
SEARCHED_KEEP = 1


def mean(rows: Rows, new: int, *, keep: int | None = None, range: int | None = None) -> Rows:  # noqa: A002
    """Keep ``P[:keep]``, then repeat the mean of ``P[:range]``, taken in float64; ``[N, d]``.

    Both are L by default. All positions from ``keep`` on read one row, so their order plays no part; with ``keep``
    below L the table changes at N = L too.

    Raises:
        InvalidArgumentError: for a ``keep`` or ``range`` above L.

    Example:
        >>> mean(np.array([[9.0], [0.0], [5.0]]), 4, keep=1, range=2).ravel().tolist()
        [9.0, 4.5, 4.5, 4.5]
    """
    kept = old_rows("keep", keep, 0, len(rows))
    used = rows[: old_rows("range", range, 1, len(rows))]
    average = used.mean(axis=0, keepdims=True, dtype=np.float64).astype(rows.dtype)
    return np.concatenate((rows[:kept], np.repeat(average, new - kept, axis=0)))


def keeps_mean(old: int, _new: int, *, keep: int | None = None, range: int | None = None) -> Index:  # noqa: A002
    """Return the pairs of the first ``keep`` rows, for the options that :func:`mean` takes."""
    old_rows("range", range, 1, old)
    kept = old_rows("keep", keep, 0, old)
    return keeps_old_rows(kept, kept)


def _every_range(table: SearchTable) -> Iterable[Setting]:
    return ({"range": size, "keep": SEARCHED_KEEP} for size in table.ranges)


def _refine(_table: SearchTable, best: Sequence[Proposal]) -> Iterable[Setting]:
    """Propose no kept row, and an eighth of the best range, in place of the one kept row of the first round."""
    for size in best_ranges(best, 1):
        for keep in sorted({0, kept_in_search(size)} - {SEARCHED_KEEP}):
            yield {"range": size, "keep": keep}


MEAN = Method(
    "mean",
    "sequence",
    "P[:keep], then the mean of P[:range], again and again",
    "the first keep rows; by default every old row",
    "control; with one row kept, measured by this project",
    mean,
    keeps_mean,
    "longer",
    # Order among further positions is lost, which an embedding model may bear and a language model does not.
    search_space=SearchSpace(_every_range, _refine, models=("embedding",)),
)
