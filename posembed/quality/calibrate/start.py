"""The start of a calibration that does not lengthen the table: the table as it is."""

from __future__ import annotations

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.request import Request
from posembed.records.calibration import CalibrationStart


def start_as_it_is(request: Request, *, share_rows: bool) -> CalibrationStart:
    """Return the start of a table that does not grow: what it repeats is kept, unless the caller says otherwise.

    Args:
        request: what is asked for.
        share_rows: whether rows that are copies of each other share their differences.

    Raises:
        InvalidArgumentError: if neither the caller nor the table says which rows are kept.
    """
    rows = request.checkpoint.read(request.table.key)[request.table.layout.position_rows]
    period, keep = exact_period(rows), request.options.keep
    if period is None and keep is None:
        raise InvalidArgumentError(
            f"the table of {request.path} does not repeat its first rows, so which of them were trained is unknown: "
            "set a greater `length`, or set `keep` to the number of leading positions to keep (0 for none)"
        )
    kept = period if keep is None else keep
    assert kept is not None
    shared = period if share_rows and period is not None else request.length
    return CalibrationStart("as it is", {}, kept, shared, (f"the table as it is; the first {kept} positions are kept",))


def exact_period(rows: Array) -> int | None:
    """Return after how many positions ``[positions, d_model]`` repeat exactly, or ``None``.

    Rows that are all alike, or all but the first, repeat nothing that was trained.

    Example:
        >>> exact_period(np.array([[1.0], [2.0], [3.0], [1.0], [2.0]])), exact_period(np.ones((3, 1)))
        (3, None)
    """
    values = np.asarray(rows, dtype=np.float32)
    again = np.flatnonzero((values[1:] == values[0]).all(axis=1)) + 1
    period = next((int(size) for size in again if np.array_equal(values[size:], values[:-size])), None)
    return None if period == 1 else period
