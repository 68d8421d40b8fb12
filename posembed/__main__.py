"""The program ``posembed``, also as ``python -m posembed``: a Ctrl-C while its libraries load ends it quietly."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

_STOPPED = 130


def main() -> NoReturn:
    """Run the command line."""
    before = signal.getsignal(signal.SIGINT)  # ignored in a shell's background job, and then it stays so
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    from posembed.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """End at once: nothing has been begun."""
    os.write(2, b"posembed: stopped\n")
    os._exit(_STOPPED)


if __name__ == "__main__":
    main()
