"""Run one unit as a process of its own: ``python -m posembed.lab.unit CONFIG.json FOLDER``.

This is what the scheduler of a cluster would start, one job per unit. Progress goes to standard output, one JSON
document per line. On SIGINT and SIGTERM it saves its state and ends with code 130; started again, it resumes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from posembed.errors import PosembedError, WorkInterruptedError, os_reason
from posembed.lab.unit_result import UnitMessage
from posembed.records.unit import UnitConfig
from posembed.storage import read_json


class _Stop:
    """True once the process was asked to end, or its parent is gone."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def ask(self, *_: object) -> None:
        self.asked = True


def main(config_file: str, folder: str) -> int:
    """Run the unit that ``config_file`` describes in ``folder``, and return the exit code."""
    stop = _Stop()
    signal.signal(signal.SIGINT, stop.ask)
    signal.signal(signal.SIGTERM, stop.ask)

    def report(message: UnitMessage) -> None:
        try:
            sys.stdout.write(json.dumps(message.to_dict()) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the parent is gone: save and end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.ask()

    from posembed.lab.train import run_unit  # imports torch: only after the signals are in place

    try:
        config = UnitConfig.from_dict(read_json(Path(config_file)))
        result = run_unit(config, Path(folder), report=report, should_stop=stop)
    except PosembedError as error:
        interrupted = isinstance(error, WorkInterruptedError)
        report(UnitMessage("failed", message=str(error), interrupted=interrupted))
        return error.exit_code
    except OSError as error:  # a full disk, for one: the parent says so, and the other units go on
        report(UnitMessage("failed", message=os_reason(error)))
        return 1
    report(UnitMessage(result.status, step=config.steps, message=result.message))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
