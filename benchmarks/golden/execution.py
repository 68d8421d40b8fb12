"""Run one scenario in a process of its own, and describe what came of it.

Each runs in a fork of a process that has loaded the libraries already: the start of an interpreter that loads torch and
Transformers takes seconds, and there are hundreds of scenarios.
"""

from __future__ import annotations

import json
import os
import random
import re
import runpy
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.golden.digest import describe_error, describe_files, describe_output, entries

MADE = Path("made")


@dataclass(frozen=True)
class Call:
    """One call of the command line; ``OUT`` among the arguments is a path of its own.

    Attributes:
        name: of the scenario.
        arguments: what stands after ``posembed``.
        stdin: what is read from standard input.
        keep: leave what was written for later scenarios, as ``made/NAME``.
        prepare: is called with OUT first.
        interrupt_when: once this is true of OUT, the command is stopped as Ctrl-C stops it.
    """

    name: str
    arguments: tuple[str, ...]
    stdin: str = ""
    keep: bool = False
    prepare: Callable[[Path], None] | None = None
    interrupt_when: Callable[[Path], bool] | None = None

    def record(self) -> dict[str, Any]:
        """Run it; returns exit code, output, the last line of the errors, and every file written."""
        out = MADE / self.name
        streams = Path("streams")
        shutil.rmtree(streams, ignore_errors=True)
        streams.mkdir()
        MADE.mkdir(exist_ok=True)
        if self.prepare is not None:
            self.prepare(out)
        for name, content in (("in", self.stdin), ("out", ""), ("err", "")):
            (streams / name).write_text(content, encoding="utf-8")
        arguments = [re.sub(r"^OUT(?=$|[/.])", str(out), word) for word in self.arguments]
        child = _fork(lambda: _run_module(arguments, streams))
        if self.interrupt_when is not None:
            _interrupt(child, out, self.interrupt_when)
        code = _wait(child)
        record: dict[str, Any] = {"exit": code}
        printed = (streams / "out").read_text(encoding="utf-8")
        record |= describe_output(printed, as_json="--json" in arguments)
        record["error"] = describe_error((streams / "err").read_text(encoding="utf-8"))
        record["files"] = describe_files(MADE, self.name)
        if not self.keep:
            _remove(self.name)
        return record


@dataclass(frozen=True)
class Check:
    """A function that calls the public names and returns what they gave, as plain values.

    Attributes:
        name: of the scenario.
        function: what is called; an exception of the package becomes part of the record.
        keep: leave what was written to ``made/NAME…``.
    """

    name: str
    function: Callable[[], Any]
    keep: bool = False

    def record(self) -> dict[str, Any]:
        """Run it; returns its value, and every file that it wrote below ``made/NAME…``."""
        MADE.mkdir(exist_ok=True)
        answer = Path("answer.json")
        answer.unlink(missing_ok=True)
        child = _fork(lambda: _run_function(self.function, answer))
        code = _wait(child)
        given = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {"value": "no answer"}
        record = {"exit": code, **given}
        record["files"] = describe_files(MADE, self.name)
        if not self.keep:
            _remove(self.name)
        return record


Scenario = Call | Check


def _fork(work: Callable[[], None]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        _same_start()
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _same_start() -> None:
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - that of whoever still draws from it
    torch.manual_seed(0)
    torch.set_num_threads(1)
    os.umask(0o022)


def _run_module(arguments: list[str], streams: Path) -> None:
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
        file = os.open(streams / name, flags | (os.O_CREAT | os.O_APPEND if number else 0), 0o644)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["posembed", *arguments]
    runpy.run_module("posembed", run_name="__main__", alter_sys=True)


def _run_function(function: Callable[[], Any], answer: Path) -> None:
    import posembed

    try:
        given = {"value": function()}
    except Exception as error:
        own = type(error).__module__.split(".")[0] == posembed.__name__
        if not own:
            traceback.print_exc()
        given = {"raised": type(error).__name__, "error": str(error)}
    answer.write_text(json.dumps(given, default=_as_json), encoding="utf-8")


def _as_json(value: Any) -> Any:
    """A record of the package as the JSON that it becomes; of anything else its words."""
    for name in ("to_dict", "to_json"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    return repr(value)


def _interrupt(child: int, out: Path, ready: Callable[[Path], bool], limit: float = 120.0) -> None:
    """Wait until it is so far, however busy the machine is, and send the signal of Ctrl-C."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return  # it ended by itself, which its exit code will tell
        if ready(out):
            break
        time.sleep(0.005)
    os.kill(child, signal.SIGINT)


def _wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _remove(name: str) -> None:
    for path in entries(MADE, name):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
