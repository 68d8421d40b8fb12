"""``posembed calibrate``: train only the position table of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import (
    AsJson,
    LogDir,
    Model,
    followed,
    offer_evaluation,
    print_json,
    refuse_inside,
    say,
    standard_output,
)
from posembed.records.calibrate import CalibrateOptions


@command()
def calibrate(
    checkpoint: Model,
    out: Annotated[Path, Parameter(help="Path of the calibrated copy; must not exist.")],
    /,
    options: CalibrateOptions,
    *,
    log_dir: LogDir = None,
    as_json: AsJson = False,
) -> None:
    """Train the position table of a checkpoint alone, on unlabeled text, and write a normal checkpoint."""
    from posembed.commands.calibrate import calibrate as run

    refuse_inside("out", out, log_dir, "which is written whole at the end")
    refuse_inside("data", options.data, log_dir, "whose files are the training text")
    with followed(log_dir, resume=options.resume) as observer:
        record = run(checkpoint, out, options, observer=observer)
    say(f"wrote {out}, copied bytes compared (full)")
    if as_json:
        print_json(record.to_dict())
    else:
        from posembed.report.terminal.calibrate import print_calibration

        print_calibration(record, standard_output())
    offer_evaluation(out, checkpoint)
