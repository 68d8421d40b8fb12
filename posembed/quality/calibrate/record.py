"""What a calibration leaves: a normal checkpoint, and in it the record of how its table was made."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from posembed.checkpoint.source import open_checkpoint
from posembed.checkpoint.stale_files import CALIBRATION, TABLES_BY_LENGTH
from posembed.errors import WorkFailedError
from posembed.extension.given_rows import plan_rows
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.write import write_extension
from posembed.hardware import environment, peak_memory_bytes
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import TableTrainer
from posembed.quality.models.loading import only_table

SCHEMA, SCHEMA_VERSION = "posembed.calibration", 1


def make_record(
    checkpoint: str | os.PathLike[str], trainer: TableTrainer, texts: dict[str, list[str]]
) -> dict[str, Any]:
    """The record as plain values; docs/formats/calibration.md lists its fields."""
    moved = trainer.table.written().detach() - trainer.table.start
    best = min(trainer.curve, key=lambda entry: entry["validation"])
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "checkpoint": str(checkpoint),
        "table": only_table(checkpoint).key,
        "configuration": trainer.config.to_json(),
        "start": trainer.about["start"],
        "texts": {
            "sha256": trainer.about["sha256"],
            "train": len(texts["train"]),
            "validation": len(texts["validation"]),
        },
        "environment": environment("cpu"),
        "seconds": trainer.seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "steps": trainer.step,
        "training_tokens": trainer.tokens,
        "curve": trainer.curve,
        "validation": {"start": trainer.start_loss, "best": trainer.best_loss, "at_step": best["step"]},
        "moved": {
            "shift_norm": float(trainer.table.shift.detach().norm()),
            "mean_row_norm": float(moved[trainer.table.restored :].norm(dim=1).mean()),
        },
    }


def write_checkpoint(
    checkpoint: Path,
    out: Path,
    table: CalibratedTable,
    record: dict[str, Any],
    force: bool,
    *,
    keep: int,
    short: int | None = None,
) -> None:
    """Write a copy of the checkpoint with the table's rows and the record, whole or not at all.

    Args:
        checkpoint: the source.
        out: the directory to write.
        table: what was trained.
        record: of how.
        force: replace an existing ``out``.
        keep: first positions whose rows stay in the checkpoint's own table, whether or not others were trained.
        short: write tables by length too: inputs of up to so many tokens read the old rows, longer ones the trained.

    Raises:
        WorkFailedError: if rows are too large for the stored dtype, or the disk refuses.
    """
    found = only_table(checkpoint)
    source = open_checkpoint(checkpoint)
    before = source.read(found.key)
    reserved = found.layout.reserved
    longer = table().detach().numpy().astype(before.dtype)
    if not np.isfinite(longer.astype(np.float64)).all():
        raise WorkFailedError(f"the new rows do not fit {before.dtype}: they would be infinite")
    longer[: min(table.fixed, len(before))] = before[: table.fixed]  # as they are stored, to the last bit
    rows = longer.copy()
    kept = min(reserved + keep, len(before))
    rows[:kept] = before[:kept]
    plan = plan_rows(checkpoint, found.key, rows, kept=kept - reserved, made_by="calibrate")
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    extra = {CALIBRATION: text.encode()}
    if short is not None:
        extra[TABLES_BY_LENGTH] = length_aware_file(plan, short=short, longer=longer)
    write_extension(replace(plan, extra_files=extra), out, force=force, full=True)
