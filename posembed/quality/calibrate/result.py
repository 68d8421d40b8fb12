"""The record of a calibration: how its table was made, and what that gave."""

from __future__ import annotations

import datetime

from posembed.hardware import environment, peak_memory_bytes
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.strategy import Texts
from posembed.quality.calibrate.trainer import TableTrainer
from posembed.records.calibration import Calibration, CalibrationLosses, CalibrationMoved, CalibrationTexts, HeldOutTask


def make_result(
    request: Request,
    trainer: TableTrainer,
    texts: Texts,
    *,
    short: int | None,
    tasks: tuple[HeldOutTask, ...] | None = None,
) -> Calibration:
    """Return the record of a training that has ended.

    Args:
        request: what was asked for.
        trainer: what was done.
        texts: what was read.
        short: with length-aware tables, the longest input that reads the old rows.
        tasks: what the table is worth on validation texts.
    """
    trained = trainer.table.written().detach() - trainer.table.start
    best = min(trainer.curve, key=lambda point: point.validation)
    identity = trainer.identity
    return Calibration(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        checkpoint=str(request.path) if request.checkpoint.address is None else request.checkpoint.address,
        table=request.table.key,
        configuration=trainer.config,
        start=identity.start,
        texts=CalibrationTexts(identity.sha256, len(texts["train"]), len(texts["validation"])),
        environment=environment(request.device),
        seconds=trainer.seconds,
        peak_memory_bytes=peak_memory_bytes(),
        steps=trainer.step,
        training_tokens=trainer.tokens,
        curve=tuple(trainer.curve),
        validation=CalibrationLosses(trainer.start_loss, best.validation, best.step),
        moved=CalibrationMoved(
            float(trainer.table.shift.detach().norm()),
            float(trained[trainer.table.restored :].norm(dim=1).mean()),
        ),
        length_aware=request.options.length_aware,
        short=short,
        tasks=tasks,
    )
