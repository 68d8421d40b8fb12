"""What the lesson shows of a comparison: measured once by a committed command, or by the reader.

``python -m benchmarks.lesson DIR`` writes ``measured.json`` from the output folder of ``posembed compare``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.records.comparison import Comparison
from posembed.records.unit import ComparisonSetup, UnitConfig

_OPTIONS = (
    *("model", "data", "train_length", "steps", "batch_size", "layers", "d_model", "heads", "learning_rate"),
    *("sinusoid_rms", "tokenizer"),
)
FILE = "measured.json"
PAIR = ("learned", "sinusoidal")
"""The encodings that the lesson compares; results without them cannot be shown."""


class Packed(TypedDict):
    """An array in a JSON file: its shape, and base64 of little-endian float16."""

    shape: list[int]
    float16: str


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
    """A comparison, and the trained table that the lesson falls back to.

    Attributes:
        results: the comparison.
        origin: where it comes from, in a sentence.
        lab: always that of the committed run.
    """

    results: Comparison
    origin: str
    lab: LabTable


def load_measured(results: Path | None = None) -> Measured:
    """Return the committed measurements; with ``results`` the reader's own comparison in their place.

    Args:
        results: a ``results.json`` of ``posembed compare``, or the folder that holds it.

    Raises:
        InvalidArgumentError: if there is no such file, it is another document, or it lacks learned or sinusoidal.
    """
    kept = json.loads((resources.files("posembed.lesson") / FILE).read_text(encoding="utf-8"))
    lab = LabTable(unpack(kept["lab"]["table"]), unpack(kept["lab"]["token_rows"]), kept["lab"]["vocab_size"])
    if results is None:
        return Measured(
            Comparison.from_dict(kept["results"]), f"Measured once for this lesson, by `{kept['command']}`.", lab
        )
    read = _read_results(results)
    return Measured(read, f"Read from {results}, made by `{command_of(read.configuration)}`.", lab)


def command_of(setup: ComparisonSetup) -> str:
    """Return the command that makes a comparison; the folder of its results is left out.

    Example:
        >>> command_of(ComparisonSetup(encodings=("learned", "none"), seeds=(0, 1), steps=60))
        'posembed compare --encodings learned,none --seeds 2 --steps 60'
    """
    words = ["posembed compare", "--encodings", ",".join(setup.encodings), "--seeds", str(len(setup.seeds))]
    if min(setup.seeds) > 0:
        words += ["--first-seed", str(min(setup.seeds))]
    for name in _OPTIONS:
        value = getattr(setup, name)
        if value != getattr(UnitConfig, name):
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return " ".join(words)


def _read_results(path: Path) -> Comparison:
    file = path / "results.json" if path.is_dir() else path
    name = f"results={str(path)!r}"
    if file.exists() and not file.is_file():  # reading a pipe would wait forever
        raise InvalidArgumentError(f"{name} is not a regular file: give a results.json of posembed compare")
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgumentError(f"{name} cannot be read: {(error.strerror or '').lower()}") from None
    except ValueError:
        raise InvalidArgumentError(f"{name} is not JSON: give a results.json of posembed compare") from None
    try:
        results = Comparison.from_dict(read)
        missing = set(PAIR) - {arm.encoding for arm in results.arms if arm.quality}
    except (InvalidArgumentError, KeyError, TypeError, AttributeError, ValueError) as error:
        # Of our own errors the sentence is enough; that of a KeyError is the key alone.
        why = str(error) if isinstance(error, InvalidArgumentError) else f"{type(error).__name__}: {error}"
        raise InvalidArgumentError(f"{name} is not a complete results.json of posembed compare ({why})") from None
    if missing:
        raise InvalidArgumentError(
            f"{name} has no finished results for {' and '.join(sorted(missing))}: "
            "the lesson compares learned with sinusoidal"
        )
    return results


def pack(values: NDArray[np.floating]) -> Packed:
    """Return an array as base64 of little-endian float16, for a small committed file.

    Example:
        >>> unpack(pack(np.array([[0.5, -2.0]]))).tolist()
        [[0.5, -2.0]]
    """
    half = np.asarray(values).astype("<f2")
    return {"shape": list(half.shape), "float16": base64.b64encode(half.tobytes()).decode("ascii")}


def unpack(packed: Packed) -> NDArray[np.float32]:
    """Return the array that :func:`pack` wrote."""
    values = np.frombuffer(base64.b64decode(packed["float16"]), dtype="<f2")
    return values.astype(np.float32).reshape(packed["shape"])
