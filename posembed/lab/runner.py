"""Run units as processes side by side, pass their progress on, stop them cleanly."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import posembed
from posembed.lab.config import UnitConfig
from posembed.lab.train import RESULT
from posembed.storage import write_json

Event = Callable[[str, dict[str, Any]], None]
LOG, CONFIGURATION = "log.txt", "configuration.json"


class _Put(Protocol):
    def __call__(self, item: tuple[str, dict[str, Any]], /) -> None: ...


def run_units(configs: Sequence[UnitConfig], folder: Path, jobs: int, on_event: Event) -> dict[str, str]:
    """Run every unit in a process and a folder of its own, at most ``jobs`` at a time.

    A unit that fails does not stop the others.

    Returns:
        For each unit that did not write a result, its name and why.

    Raises:
        KeyboardInterrupt: after every running unit has saved itself.
    """
    waiting = list(configs)
    running: dict[str, subprocess.Popen[bytes]] = {}
    failures: dict[str, str] = {}
    events: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                config = waiting.pop(0)
                running[config.name] = _start(config, folder / config.name, events.put)
            name, message = events.get()
            if message["phase"] == "ended":
                running.pop(name).wait()
                if not (folder / name / RESULT).exists():
                    failures.setdefault(name, _why(folder / name, message["code"]))
                    on_event(name, {"phase": "failed", "message": failures[name]})
                continue
            if message["phase"] == "failed":
                failures[name] = message["message"]
            on_event(name, message)
    except BaseException:
        _stop(running)
        raise
    return failures


def _start(config: UnitConfig, folder: Path, put: _Put) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIGURATION, config.to_json())
    package = str(Path(posembed.__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    # Before torch is imported: libraries size their thread pools at start.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(config.threads))
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "posembed.lab.unit", str(folder / CONFIGURATION), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | threads | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # the terminal's Ctrl-C reaches the parent alone, which passes it on once
        )
    threading.Thread(target=_listen, args=(config.name, process, put), daemon=True).start()
    return process


def _listen(name: str, process: subprocess.Popen[bytes], put: _Put) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # something a library printed; progress is JSON
            if isinstance(message, dict) and "phase" in message:
                put((name, message))
    put((name, {"phase": "ended", "code": process.wait()}))


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    try:
        for process in running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in running.values():
            process.wait()
    except KeyboardInterrupt:  # asked twice: do not wait for the units to save
        for process in running.values():
            process.kill()
        raise


def _why(folder: Path, code: int) -> str:
    log = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f": {log[-1]}" if log else ""
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"the process {ended}{last} (see {folder / LOG})"
