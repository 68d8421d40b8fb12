"""The method for tables that are a formula: compute the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.formulas import Formula, formula_of
from posembed.tables.method import Method
from posembed.tables.methods.kept_rows import keeps_old_rows

Rows = NDArray[Any]
Index = NDArray[np.int64]
Grid = tuple[int, int]


def sinusoid(rows: Rows, new: int) -> Rows:
    """Return the old rows, and behind them those of the formula that they follow; ``[N, d]``.

    Raises:
        InvalidArgumentError: for rows that follow no known formula.

    Example:
        >>> table = Formula("interleaved").rows(6, 4)
        >>> bool((sinusoid(table[:4], 6) == table).all())
        True
    """
    computed = _formula(rows, TableLayout(length=len(rows))).rows(new, rows.shape[1]).astype(rows.dtype)
    kept = min(len(rows), new)
    computed[:kept] = rows[:kept]  # the library's own rounding, of which other code may depend on every bit
    return computed


def sinusoid_grid(rows: Rows, new: Grid) -> Rows:
    """Return the rows of a grid at the old coordinates, and the formula's at the others; ``[H', W', d]``.

    Raises:
        InvalidArgumentError: for rows that follow no known formula.

    Example:
        >>> table = Formula("half", order="width first").rows((3, 4), 8)
        >>> bool((sinusoid_grid(table[:2, :3], (3, 4)) == table).all())
        True
    """
    height, width, d_model = rows.shape
    formula = _formula(rows.reshape(-1, d_model), TableLayout(grid=(height, width)))
    computed = formula.rows(new, d_model).astype(rows.dtype)
    down, across = min(height, new[0]), min(width, new[1])
    computed[:down, :across] = rows[:down, :across]
    return computed


def keeps_coordinates(old: Grid, new: Grid) -> Index:
    """Return the pairs of the patches that both grids have: each keeps its row.

    Example:
        >>> keeps_coordinates((1, 2), (2, 3)).tolist()
        [[0, 0], [1, 1]]
    """
    down, across = np.indices((min(old[0], new[0]), min(old[1], new[1]))).reshape(2, -1)
    return np.stack((down * old[1] + across, down * new[1] + across), axis=1).astype(np.int64)


def _formula(rows: Rows, layout: TableLayout) -> Formula:
    formula = formula_of(rows, layout)
    if formula is None:
        raise InvalidArgumentError(
            "method='sinusoid' computes the rows of a table that is a fixed sinusoid, and these rows follow none of "
            "the known formulas: choose another method"
        )
    return formula


SINUSOID = Method(
    "sinusoid",
    "sequence",
    "the sinusoid that P is: sin and cos of t·10000^(−2i/d), or its half and fairseq forms",
    "every old row",
    "Vaswani et al. 2017, arXiv:1706.03762; Whisper's encoder, Marian, RoFormer",
    sinusoid,
    keeps_old_rows,
)
GRID_SINUSOID = Method(
    "sinusoid",
    "grid",
    "the sinusoid that P is: one half of a row from y, the other from x",
    "the row of every patch that both grids have",
    "MAE: He et al. 2022, arXiv:2111.06377",
    sinusoid_grid,
    keeps_coordinates,
)
