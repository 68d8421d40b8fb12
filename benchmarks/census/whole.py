"""Load and run a whole extended model, and what ``check`` of the library says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from benchmarks.census import inputs
from posembed import ExtensionPlan
from posembed.extension.check.child import read_copy, read_source
from posembed.extension.check.libraries import TRANSFORMERS
from posembed.extension.check.messages import Copy
from posembed.extension.check.session import first_question, outcome_of
from posembed.records.check import Checked


def checked(plan: ExtensionPlan, out: Path, *, run: bool) -> Checked:
    """What ``check`` says of a copy; asked in this process, which has imported the library already."""
    start = first_question(plan, TRANSFORMERS, run=run)
    answer, source = read_source(start)
    if source is not None:
        answer = read_copy(start, source, Copy(str(out)))
    return outcome_of(answer, 0.0)


def run_whole(model: PreTrainedModel, new: PreTrainedModel, kind: str, size: Any, find: Any) -> str:
    """Call the whole model as the original can be called, at the new size: companions outside the tower count too.

    Args:
        model: the original.
        new: the extended one.
        kind: of input that the changed tables read, ``"text"`` or ``"image"``.
        size: tokens of a text, encoder and decoder; ``None`` for images, whose size the configuration gives.
        find: finds a way to call a model with a kind of input.

    Raises:
        RuntimeError: if the original runs and the extended model does not.
    """
    old = find(model, kind)
    if old is None:
        return "not called as a whole"
    if size is None:
        recipe: inputs.Recipe | None = find(new, kind)
        if recipe is None:
            raise RuntimeError("the original runs as a whole, the extended model does not")
        return f"whole at {recipe.size[1]}"
    try:
        new(**old.make("base", size))
    except Exception as error:
        raise RuntimeError(f"as a whole, at {size} tokens: {type(error).__name__}: {error}") from error
    return f"whole at {max(size)}"
