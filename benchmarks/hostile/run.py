"""Run a command on a broken file in a process of its own, and tell what it did to time, memory and messages."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SECONDS = 10
"""Processor time that a command may take; the clock would measure the machine's other work."""
HANGS_AFTER = 120  # seconds on the clock, after which a process that waits for something is ended
MEMORY = 100 << 20
"""Bytes that a command may take beyond the file's size and what it takes on an empty checkpoint."""
ADDRESS_SPACE = 8 << 30  # bytes, so that a bomb ends the process and not the machine
LONGEST_MESSAGE = 10_000  # characters on standard error


@dataclass(frozen=True)
class Outcome:
    """What one command did.

    Attributes:
        code: its exit code; negative if a signal ended it.
        seconds: processor time.
        memory: most bytes that were in memory.
        fault: the traceback, or what else is wrong in a few words; empty if nothing is.
        message: the start of standard error.
    """

    code: int
    seconds: float
    memory: int
    fault: str = ""
    message: str = ""

    def faults(self, allowed: int) -> list[str]:
        """Return which of the bounds were broken; ``allowed`` is the most memory."""
        found = []
        if self.code < 0:
            found.append("hang" if self.code == -signal.SIGALRM else "crash")
        elif self.fault:
            found.append(self.fault if len(self.fault) < 30 else "traceback")
        if self.seconds > SECONDS:
            found.append("over 10 s")
        if self.memory > allowed:
            found.append("memory")
        return found


def run(words: Sequence[str]) -> Outcome:
    """Run ``posembed`` with these words in a forked process."""
    read, write = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(read)
        with contextlib.suppress(BaseException):
            _in_child(words, write)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        told = stream.read()
    _, status, usage = os.wait4(child, 0)
    if os.WIFSIGNALED(status) or not told:
        return Outcome(-os.WTERMSIG(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)
    return Outcome(**json.loads(told))


def _in_child(words: Sequence[str], write: int) -> None:
    from posembed.cli import app

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(HANGS_AFTER)
    before = time.process_time()
    out, err = io.StringIO(), io.StringIO()
    code, fault = 1, ""
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            sys.argv = ["posembed", *words]
            app.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # this is what is looked for
        fault = traceback.format_exc()
    seconds, memory = time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    fault = fault or _wrong_output(words, code, out.getvalue(), err.getvalue())
    outcome = Outcome(code, seconds, memory, fault, err.getvalue()[:300])
    os.write(write, json.dumps(asdict(outcome)).encode()[: 1 << 15])
    os.close(write)


def _wrong_output(words: Sequence[str], code: int, out: str, err: str) -> str:
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code and not err.strip():
        return "no message"
    if len(err) > LONGEST_MESSAGE:
        return "long message"
    if "Traceback" in err:
        return "traceback in the message"
    if "--json" in words and code == 0:
        try:
            json.loads(out, parse_constant=_refuse)
        except ValueError:
            return "no JSON"
    return ""


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def most_of(outcomes: Sequence[Outcome], field: str) -> float:
    """Return the largest value of a field."""
    return max((float(getattr(outcome, field)) for outcome in outcomes), default=0.0)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a directory."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
