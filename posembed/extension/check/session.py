"""Check a copy in a process of its own, which starts while the copy is being written.

The process imports the library and reads the source meanwhile, so that little is left to do once the copy is complete;
its memory is its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from posembed.extension.check.libraries import Library, library_of
from posembed.extension.check.messages import Answer, Copy, Size, Start, Status
from posembed.extension.plan import ExtensionPlan
from posembed.extension.table_change import TableChange
from posembed.records.base import Record
from posembed.records.check import Checked, CheckLevel, Outcome

LOAD_SECONDS = 180
"""An answer takes seconds; importing a library from a cold network disk has taken a minute and more."""
RUN_SECONDS = 3600
"""A forward pass of a large model on a long input, on the CPU, can take many minutes."""
# The parent's search path, so that the child finds the same posembed and the same libraries.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from posembed.extension.check.child import main; main()"
)
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONWARNINGS": "ignore",
}
OFF = "the check is off"


class Check(Protocol):
    """Tells whether a copy loads."""

    def verdict(self, copy: Path) -> Checked:
        """Return whether the complete copy loads."""


class NoCheck:
    """Checks nothing, for a reason."""

    def __init__(self, reason: str = OFF) -> None:
        self._reason = reason

    def verdict(self, _: Path, /) -> Checked:
        """Return that nothing was checked, and why."""
        return Checked("not checked", reason=self._reason)


@contextlib.contextmanager
def open_check(plan: ExtensionPlan, level: CheckLevel) -> Iterator[Check]:
    """Yield what checks the copy that a plan leads to; leave the block when the copy is written.

    Args:
        plan: its source is read while the copy is being written.
        level: ``"load"`` or ``"auto"``: build the model and compare shapes; ``"run"``: load and run it too; ``"off"``.
    """
    library = OFF if level == "off" else library_of(plan.checkpoint)
    if isinstance(library, str):
        yield NoCheck(library)
        return
    with tempfile.TemporaryFile() as said:
        child = ChildCheck(plan, library, said, run=level == "run")
        try:
            yield child
        finally:
            child.end()


class ChildCheck:
    """Asks a process that has the library."""

    def __init__(self, plan: ExtensionPlan, library: Library, said: IO[bytes], *, run: bool) -> None:
        self._said, self._started = said, time.monotonic()
        self._limit = RUN_SECONDS if run else LOAD_SECONDS
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=os.environ | _ENVIRONMENT,
            text=True,
            start_new_session=True,  # Ctrl-C ends it by way of this process
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._send(first_question(plan, library, run=run))

    def verdict(self, copy: Path) -> Checked:
        """Return whether the complete copy loads, or why that could not be found out."""
        answer = self._answer("the source")
        if answer.status == "fine":
            self._send(Copy(str(copy.absolute())))
            answer = self._answer("the copy")
        return outcome_of(answer, time.monotonic() - self._started)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _send(self, message: Record) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended, which the answer will tell
            self._process.stdin.write(json.dumps(message.to_dict()) + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _answer(self, about: str) -> Answer:
        try:
            line = self._lines.get(timeout=self._limit)
        except queue.Empty:
            return Answer("unknown", reason=f"no answer about {about} within {self._limit} seconds")
        if line:
            return Answer.from_dict(json.loads(line))
        code = self._process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        return Answer("unknown", reason=f"the process that checks {how} while it read {about}{self._last_words()}")

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


def first_question(plan: ExtensionPlan, library: Library, *, run: bool) -> Start:
    """Return what the process is asked about the source of a plan."""
    sizes = tuple(_size(change) for change in plan.tables)
    return Start(library.name, str(plan.checkpoint.root.absolute()), run, sizes)


def outcome_of(answer: Answer, seconds: float) -> Checked:
    """Return the last answer of the process as a result."""
    outcomes: dict[Status, tuple[Outcome, Outcome]] = {
        "fine": ("loads", "loads and runs"),
        "fault": ("does not load", "does not run"),
        "unknown": ("not checked", "not checked"),
    }
    return Checked(outcomes[answer.status][answer.ran], answer.what, answer.reason, round(seconds, 3))


def _size(change: TableChange) -> Size:
    pairs = {(int(old), int(new)) for old, new in change.kept_rows()}
    reserved = change.table.layout.reserved
    kept = 0
    while (reserved + kept, reserved + kept) in pairs:
        kept += 1
    return Size(
        change.table.key,
        change.table.kind.value,
        change.table.usable_length,
        change.usable_length,
        kept,
        change.layout.grid,
        change.table.layout.grid,
    )
