"""Read from a table which of its rows were trained, so that ``method="auto"`` does not repeat the others."""

from __future__ import annotations

import numpy as np

from posembed.checkpoint.source import Checkpoint
from posembed.find.found import FoundTable
from posembed.tables.trained_range.detect import trained_range

MOST_ROWS = 16384
"""Largest table that is examined: beyond it the tests take minutes, and planning should take seconds."""


def effective_range(checkpoint: Checkpoint, table: FoundTable) -> tuple[int, str] | None:
    """Return the number of trained leading positions and the evidence, or ``None`` if all rows may be trained.

    Only plain sequence tables of at most :data:`MOST_ROWS` rows are examined.
    """
    if not table.is_plain_sequence or table.shape[0] > MOST_ROWS:
        return None
    rows = np.asarray(checkpoint.read(table.key), dtype=np.float32)[table.layout.position_rows]
    if not np.isfinite(rows).all():
        return None  # reported when the rows are extended
    found = trained_range(rows)
    if found.end is None or found.end < 2:
        return None
    return found.end, found.evidence[0]
