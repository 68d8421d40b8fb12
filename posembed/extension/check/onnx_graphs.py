"""Ask ONNX Runtime: does the copy's graph load, and give what the source's gives?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.checkpoint.source import open_checkpoint
from posembed.errors import class_and_line
from posembed.extension.check.comparing import compare
from posembed.extension.check.messages import Answer, Copy, Start
from posembed.extension.check.reading import CannotCheckError, DoesNotRunError

WHAT = "the graph in ONNX Runtime"
_IDS = (1, 4)  # token ids: every vocabulary has the first few
_WARNINGS_OFF = 4

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Graph:
    """A source that was loaded.

    Attributes:
        session: of ONNX Runtime.
        outputs: what it gave, by the number of tokens; empty where it was not run.
        note: why it was not run, although that was asked for.
    """

    session: Any
    outputs: dict[int, Arrays] = field(default_factory=dict)
    note: str = ""


def read_source(start: Start) -> tuple[Answer, Graph | None]:
    """Load the source's graph, and run it at its full length if that is asked for."""
    try:
        session = _session(Path(start.folder))
    except Exception as error:  # whatever the library raises for a graph that is not its own
        return Answer("unknown", reason=f"the source does not load either: {class_and_line(error)}"), None
    if not start.run:
        return Answer("fine", WHAT), Graph(session)
    outputs: dict[int, Arrays] = {}
    try:
        for length in sorted({size.kept for size in start.sizes if size.of_sequence} - {0}):
            outputs[length] = _run(session, length)
    except CannotCheckError as error:
        return Answer("fine", WHAT), Graph(session, note=str(error))
    except Exception as error:
        return Answer("fine", WHAT), Graph(session, note=f"the source does not run either: {class_and_line(error)}")
    note = "" if outputs else "no table of a text changes in it"
    return Answer("fine", WHAT), Graph(session, outputs, note)


def read_copy(start: Start, source: Graph, copy: Copy) -> Answer:
    """Load the copy's graph; run it at the old length, where it must give the same, and at its own."""
    try:
        session = _session(Path(copy.folder))
    except Exception as error:
        return Answer("fault", WHAT, class_and_line(error))
    before, after = (_names(each) for each in (source.session, session))
    if before != after:
        return Answer("fault", WHAT, f"its inputs and outputs are {after}, those of the source {before}")
    if not source.outputs:
        return Answer("fine", WHAT, source.note)
    try:
        for length, outputs in source.outputs.items():
            compare(_tensors(outputs), _tensors(_run(session, length)), f"{length} tokens give")
        longest = max(size.after for size in start.sizes if size.of_sequence)
        if not all(np.isfinite(each).all() for each in _run(session, longest) if each.dtype.kind == "f"):
            raise DoesNotRunError(f"{longest} tokens give numbers that are not finite")
    except Exception as error:  # the source ran, so this is a fault of the copy
        said = str(error) if isinstance(error, DoesNotRunError) else class_and_line(error)
        return Answer("fault", WHAT, said, ran=True)
    lengths = " and ".join(map(str, source.outputs))
    return Answer(
        "fine", WHAT, f"ran on {longest} tokens; {lengths} tokens give what they gave in the source", ran=True
    )


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _WARNINGS_OFF
    file = path if path.is_file() else open_checkpoint(path).files[0]
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _run(session: Any, length: int) -> Arrays:
    given = {each.name: _input(each, length) for each in session.get_inputs()}
    return [np.asarray(each) for each in session.run(None, given)]


def _input(asked: Any, length: int) -> NDArray[Any]:
    """Return one input: a text of a number of tokens, or an image where the graph fixes its size.

    Raises:
        CannotCheckError: for an input that nothing is known of, such as a cache.
    """
    if asked.type in ("tensor(int64)", "tensor(int32)") and len(asked.shape) == 2:
        kind = np.dtype(asked.type[len("tensor(") : -1])
        shape = (1, length)
        if isinstance(asked.shape[1], int) and asked.shape[1] != length:
            raise CannotCheckError(f"its input {asked.name} takes exactly {asked.shape[1]} tokens")
        if "mask" in asked.name:
            return np.ones(shape, kind)
        if "type" in asked.name:
            return np.zeros(shape, kind)
        if "position" in asked.name:
            return np.arange(length, dtype=kind)[None]
        return np.random.default_rng(0).integers(*_IDS, shape).astype(kind)
    sizes = asked.shape[1:]
    if asked.type == "tensor(float)" and len(asked.shape) == 4 and all(isinstance(size, int) for size in sizes):
        return np.random.default_rng(0).standard_normal((1, *sizes), np.float32)
    raise CannotCheckError(f"its input {asked.name} ({asked.type}, {asked.shape}) is not known")


def _tensors(arrays: Arrays) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def _names(session: Any) -> str:
    return ", ".join(each.name for each in (*session.get_inputs(), *session.get_outputs()))
