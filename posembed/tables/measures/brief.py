"""The few measures that a terminal shows, much quicker than all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.norms import neighbour_cosines, roughness
from posembed.tables.measures.rows import as_rows, require_layout, row_norms
from posembed.tables.measures.similarity import toeplitz_r2
from posembed.tables.measures.spectrum import effective_rank
from posembed.tables.trained_range.detect import range_of


def brief_analysis(table: NDArray[Any], layout: TableLayout) -> dict[str, Any]:
    """Norms, effective rank, translation invariance, smoothness and trained range of the positions, as plain values.

    Raises:
        InvalidArgumentError: for a table that is no finite ``[rows, d_model]``.

    Example:
        >>> found = brief_analysis(np.eye(4), TableLayout(length=4))
        >>> found["norm"], round(found["effective_rank"], 6)
        ([1.0, 1.0, 1.0, 1.0], 3.0)
    """
    rows = as_rows(table)
    require_layout(rows, layout)
    positions = rows[layout.position_rows]
    sequence = positions if layout.grid is None else positions[:0]  # what follows one axis; a grid has none
    rough = roughness(sequence) if len(sequence) else np.empty(0)
    rough = rough[np.isfinite(rough)]
    return {
        "norm": row_norms(rows).tolist(),
        "effective_rank": effective_rank(positions),
        "largest_rank": min(len(positions) - 1, positions.shape[1]),
        "toeplitz_r2": toeplitz_r2(positions, layout.grid),
        "roughness": float(np.median(rough)) if len(rough) else None,
        "neighbour_cosine": _mean(neighbour_cosines(sequence)) if len(sequence) else None,
        "trained_range": range_of(positions, layout).to_dict(),
        "notes": [],
    }


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None
