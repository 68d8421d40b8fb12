"""The process that checks: it imports a library, reads the source, waits for the copy and reads that too.

It answers on what was its standard output; whatever a library prints goes to standard error. It ends as soon as nobody
is left to ask it, and opens no connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from torch import Tensor

from posembed.checkpoint.formats.pickle.torch_arrays import from_numpy
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import class_and_line
from posembed.extension.check import sentence_models
from posembed.extension.check.comparing import compare
from posembed.extension.check.inputs import Arguments
from posembed.extension.check.libraries import ONNX_RUNTIME
from posembed.extension.check.messages import Answer, Copy, Start
from posembed.extension.check.reading import CannotCheckError, DoesNotRunError, Reading, faults
from posembed.extension.check.running import run_copy
from posembed.extension.check.source_runs import SourceRun, run_source, unread

_CONNECTIONS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")


@dataclass(frozen=True)
class Source:
    """What is known of the source.

    Attributes:
        reading: how its library reads it.
        runs: what it gave when it ran; empty where it was not run.
        result: vector or score of a short text, where sentence-transformers runs the folder.
        note: why it was not run, although that was asked for.
    """

    reading: Reading
    runs: tuple[SourceRun, ...] = ()
    result: Tensor | None = None
    note: str = ""


def main() -> None:
    """Answer the two questions of :mod:`posembed.extension.check.session`."""
    lines, answers = _take_streams()
    sys.addaudithook(_refuse_connections)
    start = Start.from_dict(json.loads(lines.get()))
    read_first, read_second = readers(start.library)
    answer, source = read_first(start)
    _send(answers, answer)
    if source is not None:
        copy = Copy.from_dict(json.loads(lines.get()))
        _send(answers, read_second(start, source, copy))
    os._exit(0)  # a thread still reads the questions, which would hold the interpreter up


def readers(library: str) -> tuple[Callable[..., tuple[Answer, Any]], Callable[..., Answer]]:
    """Return what answers the questions about the source and about the copy."""
    if library == ONNX_RUNTIME.name:
        from posembed.extension.check import onnx_graphs

        return onnx_graphs.read_source, onnx_graphs.read_copy
    return read_source, read_copy


def read_source(start: Start) -> tuple[Answer, Source | None]:
    """Read the source; a source that does not load leaves nothing to check."""
    try:
        library = _library(start.library)
        reading = library.read_shapes(Path(start.folder))
        reading.require_sound()
        reading.require_used(size.key for size in start.sizes)
        source = _run(library, start, reading) if start.run else Source(reading)
    except CannotCheckError as error:
        return Answer("unknown", reason=str(error)), None
    except Exception as error:  # whatever a library raises for a checkpoint that is not its own
        return Answer("unknown", reason=f"the source does not load either: {class_and_line(error)}"), None
    return Answer("fine", reading.what), source


def _run(library: Library, start: Start, reading: Reading) -> Source:
    model = library.load_model(Path(start.folder))
    try:
        checkpoint = open_checkpoint(Path(start.folder))
        runs = run_source(
            model,
            start.sizes,
            partial(library.prepared, Path(start.folder)),
            lambda key: from_numpy(np.array(checkpoint.read(key))),
        )
    except CannotCheckError as error:
        return Source(reading, note=str(error))
    result = None
    if sentence_models.reads(Path(start.folder)):
        with contextlib.suppress(Exception):  # modules that do not run together, whatever the folder says
            result = sentence_models.result(Path(start.folder), start.longest)
    return Source(reading, runs, result)


def read_copy(start: Start, source: Source, copy: Copy) -> Answer:
    """Read the copy, and answer what is wrong with it that was not with the source."""
    library, what = _library(start.library), source.reading.what
    try:
        found = faults(source.reading, library.read_shapes(Path(copy.folder)))
        model = None if found or not source.runs else library.load_model(Path(copy.folder))
    except Exception as error:  # the source loaded, so this is a fault of the copy
        return Answer("fault", what, class_and_line(error))
    if found or model is None or not source.runs:
        return Answer("fault" if found else "fine", what, found or source.note)
    try:
        ran = run_copy(model, start.sizes, source.runs, partial(library.prepared, Path(copy.folder)))
        if source.result is not None:
            ran += f", and sentence-transformers {_use(start, source.result, Path(copy.folder))}"
        return Answer("fine", what, ran, ran=not unread(start.sizes, source.runs))
    except DoesNotRunError as error:
        return Answer("fault", what, str(error), ran=True)


def _use(start: Start, before: Tensor, folder: Path) -> str:
    """Return what sentence-transformers does with the copy, in words."""
    use = sentence_models.use_of(folder)
    try:
        after = sentence_models.result(folder, start.longest)
    except DoesNotRunError:
        raise
    except Exception as error:
        raise DoesNotRunError(f"sentence-transformers {use.does_not}: {class_and_line(error)}") from error
    if start.kept >= use.tokens:
        compare([before], [after], use.short)
    return use.does


class Library(Protocol):
    """A module that asks one library."""

    def read_shapes(self, folder: Path, /) -> Reading:
        """Return how the library reads a folder."""

    def load_model(self, folder: Path, /) -> Any:
        """Return the model, ready to run."""

    def prepared(self, folder: Path, names: Sequence[str], /) -> Arguments:
        """Return those of some arguments that the checkpoint's own processor makes."""


def _library(name: str) -> Library:
    """Return the module that asks a library; only that library is imported."""
    if name == "timm":
        from posembed.extension.check import timm_models

        return timm_models
    from posembed.extension.check import transformers_models

    return transformers_models


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
