"""Write a calibrated checkpoint: a copy with the trained rows, and in it the record of how they were made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from posembed.checkpoint.stale_files import CALIBRATION
from posembed.errors import WorkFailedError
from posembed.extension.check.session import open_check
from posembed.extension.given_rows import plan_rows
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.length_aware_place import tables_name
from posembed.extension.write import write_extension
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.table import CalibratedTable
from posembed.records.calibration import Calibration
from posembed.records.check import Checked
from posembed.records.history import CALIBRATED


def write_checkpoint(request: Request, out: Path, table: CalibratedTable, result: Calibration) -> Checked:
    """Write the calibrated checkpoint and its record, whole or not at all.

    Args:
        request: the source, and whether an existing ``out`` is replaced.
        out: the directory to write.
        table: what was trained. The rows that ``result.start.keep`` names are the source's in the checkpoint's own
            table, whether or not they were trained.
        result: the record. Where it has ``short``, length-aware tables are written too: inputs of up to that many
            tokens read the old rows, longer ones all trained rows.

    Returns:
        Whether the copy loads.

    Raises:
        WorkFailedError: if rows are too large for the stored dtype, or the disk refuses.
    """
    reserved = request.table.layout.reserved
    before = request.checkpoint.read(request.table.key)
    with np.errstate(over="ignore"):  # the next line says so
        longer = table().detach().cpu().numpy().astype(before.dtype)
    if not np.isfinite(longer.astype(np.float64)).all():
        raise WorkFailedError(f"the new rows overflow {before.dtype}")
    frozen = min(table.frozen, len(before))
    longer[:frozen] = before[:frozen]  # as they are stored, to the last bit
    rows = longer.copy()
    kept = min(reserved + result.start.keep, len(before))
    rows[:kept] = before[:kept]
    plan = plan_rows(request.checkpoint, request.table.key, rows, kept=kept - reserved, made_by=CALIBRATED)
    text = json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n"
    extra = {CALIBRATION: text.encode()}
    if result.short is not None:
        extra[tables_name(plan.checkpoint)] = length_aware_file(
            plan, short=result.short, longer=longer, trust_remote_code=request.options.trust_remote_code
        )
    with open_check(plan, request.options.check) as check:
        return write_extension(
            replace(plan, extra_files=extra), out, force=request.options.force, full=True, check=check
        )
