"""Run units as parallel processes, forward their progress, stop them cleanly."""

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

import posembed
from posembed.errors import InvalidArgumentError
from posembed.lab.unit_result import RESULT, UnitMessage
from posembed.observer import Observer, Progress
from posembed.records.unit import UnitConfig
from posembed.storage import write_json

LOG, CONFIGURATION = "log.txt", "configuration.json"
_POLL_SECONDS = 0.5  # how often the observer is asked whether to stop while no unit says anything
Put = Callable[[tuple[str, UnitMessage]], None]


def run_units(configs: Sequence[UnitConfig], folder: Path, jobs: int, observer: Observer) -> dict[str, str]:
    """Run every unit in a process and a folder of its own, at most ``jobs`` at a time.

    A unit that fails does not stop the others.

    Returns:
        The names of the units that wrote no result, each with the reason.

    Raises:
        KeyboardInterrupt: on Ctrl-C or if the observer asks to stop, after every running unit has saved its state.
    """
    waiting = list(configs)
    steps = {config.name: config.steps for config in configs}
    running: dict[str, subprocess.Popen[bytes]] = {}
    failures: dict[str, str] = {}
    events: queue.SimpleQueue[tuple[str, UnitMessage]] = queue.SimpleQueue()
    try:
        while waiting or running:
            if observer.should_stop():
                raise KeyboardInterrupt
            while waiting and len(running) < jobs:
                config = waiting.pop(0)
                running[config.name] = _start(config, folder / config.name, events.put)
            try:
                name, message = events.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if message.code is not None:
                running.pop(name).wait()
                if (folder / name / RESULT).exists():
                    continue
                failures.setdefault(name, _why(folder / name, message.code))
                message = UnitMessage("failed", message=failures[name])
            elif message.phase == "warning":
                observer.warning(f"{name}: {message.message}")
                continue
            elif message.phase == "failed":
                failures[name] = message.message or ""
            observer.progress(_progress(name, steps[name], message))
    except BaseException:
        _stop(running)
        raise
    return failures


def _progress(name: str, steps: int, message: UnitMessage) -> Progress:
    return Progress(
        name,
        done=message.step,
        total=steps,
        phase=message.phase,
        loss=message.loss,
        tokens_per_second=message.tokens_per_second,
        detail=message.message or "",
        train_loss=message.loss,
        validation_loss=message.validation,
    )


def _start(config: UnitConfig, folder: Path, put: Put) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIGURATION, config.to_dict())
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


def _listen(name: str, process: subprocess.Popen[bytes], put: Put) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            try:
                message = json.loads(line)
                put((name, UnitMessage.from_dict(message)))
            except (ValueError, TypeError, AttributeError, InvalidArgumentError):
                continue  # something a library printed; progress is JSON
    put((name, UnitMessage("ended", code=process.wait())))


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
