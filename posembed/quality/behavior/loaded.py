"""Load the model of a checkpoint by the library that reads it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from posembed.checkpoint.source import Checkpoint
from posembed.errors import InvalidArgumentError, MissingExtraError, PosembedError, WorkFailedError, class_and_line
from posembed.extension.check.libraries import TIMM, library_of
from posembed.quality.models.head import Pooling
from posembed.quality.models.kinds import trainable_kind_of
from posembed.quality.models.pooling import read_pooling
from posembed.quality.models.position_table import refuse_length_aware
from posembed.records.choices import KindName


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        model: ready to run.
        what: its class and library.
        checkpoint: where it was loaded from.
        kind: of a text model, where the files say it.
        pooling: how its vector is made of the tokens'.
        notes: what else to know.
    """

    model: Any
    what: str
    checkpoint: Checkpoint
    kind: KindName | None
    pooling: Pooling
    notes: tuple[str, ...] = ()


def load(checkpoint: Checkpoint, device: str = "cpu") -> Loaded:
    """Load the model of a checkpoint, by the library that reads it.

    Args:
        checkpoint: to load.
        device: where the model runs, such as ``"cuda:0"``.

    Raises:
        MissingExtraError: if that library is not installed.
        InvalidArgumentError: for a checkpoint with length-aware tables.
        WorkFailedError: if no library reads it, or it does not load.
    """
    refuse_length_aware(checkpoint.root, "run")
    library = library_of(checkpoint)
    if isinstance(library, str):
        if library.startswith("transformers is not installed"):
            raise MissingExtraError("transformers", "models", "running a model")
        raise WorkFailedError(library)
    try:
        if library is TIMM:
            from posembed.extension.check import timm_models as reading
        else:
            from posembed.extension.check import transformers_models as reading  # type: ignore[no-redef]
        with _quiet():
            model = reading.load_model(checkpoint).to(device)
    except PosembedError as error:
        raise WorkFailedError(str(error)) from error
    except Exception as error:  # whatever a library raises for a checkpoint that it does not read
        raise WorkFailedError(f"{library.name} cannot load it: {class_and_line(error)}") from error
    module = __import__(library.package)
    inner = getattr(model, "model", model) if library is TIMM else model
    kind, pooling, notes = _purpose(checkpoint)
    what = f"{type(inner).__name__} of {library.name} {module.__version__}"
    return Loaded(model, what, checkpoint, kind, pooling, notes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Transformers' bar of the weights that it loads, and the libraries' warnings, off the screen."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _purpose(checkpoint: Checkpoint) -> tuple[KindName | None, Pooling, tuple[str, ...]]:
    try:
        kind = trainable_kind_of(checkpoint.root).name
    except PosembedError:  # of no kind that gives vectors or losses; its states can be compared all the same
        return None, "mean", ()
    try:
        return kind, read_pooling(checkpoint.root), ()
    except InvalidArgumentError as error:
        return kind, "mean", (f"vectors are the mean over the tokens: {error}",)
