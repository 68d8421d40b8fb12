"""What the lesson shows of a comparison: measured once by a committed command, or by the reader.

``python -m benchmarks.lesson DIR`` writes ``measured.json`` from the output folder of ``posembed compare``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.lab.config import UnitConfig

_OPTIONS = (
    *("model", "data", "train_length", "steps", "batch_size", "layers", "d_model", "heads", "learning_rate"),
    *("sinusoid_rms", "tokenizer"),
)
FILE = "measured.json"
_SCHEMA = "posembed.compare"


@dataclass(frozen=True)
class LabTable:
    """The trained table of the lab's decoder, and its token rows for the lesson's sentence.

    Attributes:
        table: ``[positions, d_model]``.
        token_rows: ``[tokens, d_model]``.
        vocab_size: rows of the token table.
    """

    table: NDArray[np.float32]
    token_rows: NDArray[np.float32]
    vocab_size: int


@dataclass(frozen=True)
class Measured:
    """A comparison's results, and the trained table that the lesson falls back to.

    Attributes:
        results: what ``results.json`` holds.
        origin: where they come from, a sentence.
        lab: always that of the committed run.
    """

    results: dict[str, Any]
    origin: str
    lab: LabTable


def load_measured(results: Path | None = None) -> Measured:
    """The committed measurements; with ``results`` the reader's own comparison in their place.

    Args:
        results: a ``results.json`` of ``posembed compare``, or the folder that holds it.

    Raises:
        InvalidArgumentError: if it is not there, or no such document, or lacks learned or sinusoidal.
    """
    text = (resources.files("posembed.lesson") / FILE).read_text(encoding="utf-8")
    kept = json.loads(text)
    lab = LabTable(unpack(kept["lab"]["table"]), unpack(kept["lab"]["token_rows"]), kept["lab"]["vocab_size"])
    if results is None:
        return Measured(kept["results"], f"A kept run, made by `{kept['command']}`.", lab)
    read = _read_results(results)
    return Measured(read, f"Read from {results}, made by `{command_of(read['configuration'])}`.", lab)


def command_of(configuration: dict[str, Any]) -> str:
    """The command that a comparison's configuration comes from; where its results were put is left out.

    Example:
        >>> command_of({"encodings": ["learned", "none"], "seeds": [0, 1], "steps": 60, "layers": 3})
        'posembed compare --encodings learned,none --seeds 2 --steps 60'
    """
    words = ["posembed compare", "--encodings", ",".join(configuration["encodings"])]
    words += ["--seeds", str(len(configuration["seeds"]))]
    if min(configuration["seeds"]) > 0:
        words += ["--first-seed", str(min(configuration["seeds"]))]
    for name in _OPTIONS:
        value = configuration.get(name)
        if value is not None and value != getattr(UnitConfig, name):
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return " ".join(words)


def _read_results(path: Path) -> dict[str, Any]:
    file = path / "results.json" if path.is_dir() else path
    if file.exists() and not file.is_file():  # reading a pipe would wait for ever
        raise InvalidArgumentError(f"--results {path} is no regular file: name a results.json of posembed compare")
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgumentError(f"--results {path} cannot be read: {(error.strerror or '').lower()}") from None
    except ValueError:
        raise InvalidArgumentError(f"--results {path} is not JSON: name a results.json of posembed compare") from None
    if not isinstance(read, dict) or read.get("schema") != _SCHEMA or read.get("schema_version") != 1:
        raise InvalidArgumentError(f"--results {path} is no results.json of posembed compare that this version reads")
    try:
        finished = {arm["encoding"] for arm in read["arms"] if arm["quality"]}
    except (KeyError, TypeError):
        raise InvalidArgumentError(f"--results {path} is no whole results.json of posembed compare") from None
    missing = {"learned", "sinusoidal"} - finished
    if missing:
        raise InvalidArgumentError(
            f"--results {path} has no finished arm {' and '.join(sorted(missing))}: the lesson lays learned beside "
            "sinusoidal"
        )
    return read


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """An array as base64 of little-endian float16, for a small committed file.

    Example:
        >>> unpack(pack(np.array([[0.5, -2.0]]))).tolist()
        [[0.5, -2.0]]
    """
    half = np.asarray(values).astype("<f2")
    return {"shape": list(half.shape), "float16": base64.b64encode(half.tobytes()).decode("ascii")}


def unpack(packed: dict[str, Any]) -> NDArray[np.float32]:
    """The counterpart of :func:`pack`."""
    values = np.frombuffer(base64.b64decode(packed["float16"]), dtype="<f2")
    return values.astype(np.float32).reshape(packed["shape"])
