"""The process that checks: it imports a library, reads the source, waits for the copy and reads that too.

It answers on what was its standard output; whatever a library prints goes to standard error. It ends as soon as nobody
is left to ask it, and opens no connection.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from posembed.errors import first_line
from posembed.extension.check.messages import Answer, Copy, Start
from posembed.extension.check.reading import CannotCheckError, Reading, faults

_CONNECTIONS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")


def main() -> None:
    """Answer the two questions of :mod:`posembed.extension.check.session`."""
    lines, answers = _take_streams()
    sys.addaudithook(_refuse_connections)
    start = Start.from_dict(json.loads(lines.get()))
    answer, reading = read_source(start)
    _send(answers, answer)
    if reading is not None:
        copy = Copy.from_dict(json.loads(lines.get()))
        _send(answers, read_copy(start, reading, copy))
    os._exit(0)  # a thread still reads the questions, which would hold the interpreter up


def read_source(start: Start) -> tuple[Answer, Reading | None]:
    """Read the source; a source that does not load leaves nothing to check."""
    try:
        reading = _reader(start.library)(Path(start.folder))
        reading.require_sound()
        reading.require_used(size.key for size in start.sizes)
    except CannotCheckError as error:
        return Answer("unknown", reason=str(error)), None
    except Exception as error:  # whatever a library raises for a checkpoint that is not its own
        return Answer("unknown", reason=f"the source does not load either: {_said(error)}"), None
    return Answer("fine", reading.what), reading


def read_copy(start: Start, source: Reading, copy: Copy) -> Answer:
    """Read the copy, and answer what is wrong with it that was not with the source."""
    try:
        found = faults(source, _reader(start.library)(Path(copy.folder)))
    except Exception as error:  # the source loaded, so this is a fault of the copy
        found = _said(error)
    return Answer("fault" if found else "fine", source.what, found)


def _reader(library: str) -> Callable[[Path], Reading]:
    """Return the function that reads a folder as a library would; only that library is imported."""
    if library == "timm":
        from posembed.extension.check.timm_models import read_shapes as read_timm

        return read_timm
    from posembed.extension.check.transformers_models import read_shapes as read_transformers

    return read_transformers


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"


def _send(answers: TextIO, answer: Answer) -> None:
    answers.write(json.dumps(answer.to_dict()) + "\n")
    answers.flush()


def _take_streams() -> tuple[queue.SimpleQueue[str], TextIO]:
    """Keep both pipes for the questions and answers, so that no library reads the one or prints on the other."""
    questions, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, lines), daemon=True).start()
    return lines, answers


def _listen(questions: TextIO, lines: queue.SimpleQueue[str]) -> None:
    for line in questions:
        lines.put(line)
    os._exit(0)  # the one who asked is gone, perhaps killed: stop at once, in the middle of a load too


def _refuse_connections(event: str, _: tuple[object, ...]) -> None:
    if event in _CONNECTIONS:
        raise ConnectionError("the check opens no network connection")
