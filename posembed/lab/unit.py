"""Run one unit as a process of its own: ``python -m posembed.lab.unit CONFIG.json FOLDER``.

This is what a cluster's scheduler would start, one job a unit. Progress goes to standard output, one JSON document
a line. SIGINT and SIGTERM make it save and end with code 130; started again, it goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from posembed.errors import PosembedError
from posembed.lab.config import UnitConfig
from posembed.storage import read_json


class _Stop:
    """Becomes true when the process is asked to end, or when nobody listens any more."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def ask(self, *_: object) -> None:
        self.asked = True


def main(config_file: str, folder: str) -> int:
    """Run the unit that ``config_file`` describes in ``folder``; returns the exit code."""
    stop = _Stop()
    signal.signal(signal.SIGINT, stop.ask)
    signal.signal(signal.SIGTERM, stop.ask)

    def tell(message: dict[str, Any]) -> None:
        try:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the parent is gone: save and end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.ask()

    from posembed.lab.train import run_unit  # imports torch: only after the signals are in place

    try:
        config = UnitConfig.from_json(read_json(Path(config_file)))
        result = run_unit(config, Path(folder), report=tell, should_stop=stop)
    except PosembedError as error:
        tell({"phase": "failed", "message": str(error), "interrupted": error.exit_code == 130})
        return error.exit_code
    tell({"phase": result["status"], "message": result["message"], "step": config.steps})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
