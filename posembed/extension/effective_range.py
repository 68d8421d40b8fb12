"""What ``auto`` reads from a table itself: rows that training never reached are not repeated."""

from __future__ import annotations

import numpy as np

from posembed.checkpoint.source import Checkpoint
from posembed.find.found import FoundTable
from posembed.tables.trained_range.detect import trained_range

MOST_ROWS = 16384  # of a longer table the look would take minutes


def effective_range(checkpoint: Checkpoint, table: FoundTable) -> tuple[int, str] | None:
    """Positions that were trained, and why, where the rows of a plain sequence table say that the others were not."""
    if not table.is_plain_sequence or table.shape[0] > MOST_ROWS:
        return None
    rows = np.asarray(checkpoint.read(table.key), dtype=np.float32)[table.layout.position_rows]
    if not np.isfinite(rows).all():
        return None  # said when the rows are extended
    found = trained_range(rows)
    if found.end is None or found.end < 2:
        return None
    return found.end, found.evidence[0]
