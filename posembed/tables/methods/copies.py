"""Methods whose new rows are all copies of old ones: tile, grouped, repeat-last and crop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.method import Method
from posembed.tables.methods.arguments import old_rows
from posembed.tables.methods.sources import LONGEMBED, LONGFORMER
from posembed.tables.search_space import SearchSpace, SearchTable, Setting

Rows = NDArray[Any]
Index = NDArray[np.int64]


def tile_index(old: int, new: int) -> Index:
    """Return ``t mod L``: the old rows over and over.

    Example:
        >>> tile_index(2, 5).tolist()
        [0, 1, 0, 1, 0]
    """
    return np.arange(new, dtype=np.int64) % old


def grouped_index(old: int, new: int) -> Index:
    """Return ``t ÷ ⌈N / L⌉``: each old row for a group of neighbors.

    Example:
        >>> grouped_index(2, 5).tolist()
        [0, 0, 0, 1, 1]
    """
    return np.arange(new, dtype=np.int64) // -(-new // old)


def last_index(old: int, new: int) -> Index:
    """Return ``min(t, L − 1)``: the last old row from there on; for a shorter N, the first N rows.

    Example:
        >>> last_index(2, 5).tolist()
        [0, 1, 1, 1, 1]
    """
    return np.minimum(np.arange(new, dtype=np.int64), old - 1)


def copying(index: Callable[[int, int], Index]) -> tuple[Callable[[Rows, int], Rows], Callable[[int, int], Index]]:
    """Return the function of a method whose new rows are all copies, and its promise, which is every new row.

    Args:
        index: ``index(old, new)``, the old row of each new one.
    """

    def copy(rows: Rows, new: int) -> Rows:
        copied: Rows = rows[index(len(rows), new)]
        return copied

    def kept(old: int, new: int) -> Index:
        return np.stack((index(old, new), np.arange(new, dtype=np.int64)), axis=1)

    return copy, kept


def tile(rows: Rows, new: int, *, range: int | None = None) -> Rows:  # noqa: A002
    """Repeat the first ``range`` rows (default L): ``P[t mod range]``, ``[N, d]``.

    With a ``range`` below L the rows from there on are left out, as hardly trained; at N = L the table changes too.

    Raises:
        InvalidArgumentError: for a ``range`` above L.

    Example:
        >>> tile(np.array([[0.0], [1.0], [2.0]]), 5, range=2).ravel().tolist()
        [0.0, 1.0, 0.0, 1.0, 0.0]
    """
    used = old_rows("range", range, 1, len(rows))
    return copying(tile_index)[0](rows[:used], new)


def keeps_tile(old: int, new: int, *, range: int | None = None) -> Index:  # noqa: A002
    """Return a pair for every new row: all are copies."""
    return copying(tile_index)[1](old_rows("range", range, 1, old), new)


def _every_range(table: SearchTable) -> Iterable[Setting]:
    return ({"range": size} for size in table.ranges)


_grouped, _keeps_grouped = copying(grouped_index)
_last, _keeps_last = copying(last_index)

TILE = Method(
    "tile",
    "sequence",
    "P[t mod range]",
    "every row below range: all are copies",
    LONGFORMER,
    tile,
    keeps_tile,
    "longer",
    search_space=SearchSpace(_every_range),
)
GROUPED = Method(
    "grouped",
    "sequence",
    "P[t ÷ ⌈N/L⌉]",
    "every row: all are copies",
    LONGEMBED,
    _grouped,
    _keeps_grouped,
    "longer",
)
REPEAT_LAST = Method(
    "repeat-last",
    "sequence",
    "P[min(t, L − 1)]",
    "every row: all are copies",
    "control",
    _last,
    _keeps_last,
    "longer",
)
CROP = Method(
    "crop",
    "sequence",
    "P[:N], N ≤ L",
    "every row: all are copies",
    "nanoGPT's crop_block_size",
    _last,
    _keeps_last,
    "shorter",
)
