"""What a checkpoint's record says about its original: which to name, and whether the one that was named is it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.source import Checkpoint, open_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError
from posembed.find.history import has_tables, read_history, table_sha256
from posembed.find.search import find_tables
from posembed.records.history import HistoryStep


@dataclass(frozen=True)
class Provenance:
    """What is known about the original of a checkpoint.

    Attributes:
        notes: sentences for the reader of the results.
        recorded_original: path of a recorded original that is there with the recorded tables, where none was named.
    """

    notes: tuple[str, ...] = ()
    recorded_original: str | None = None


def provenance(checkpoint: Checkpoint, original: Checkpoint | None) -> Provenance:
    """Return what the record of a checkpoint says about its original.

    Args:
        checkpoint: the one to evaluate.
        original: the model that it is compared with, if one was named.

    Raises:
        InvalidArgumentError: if the original is the checkpoint itself.
    """
    if original is not None and original.root.samefile(checkpoint.root):
        raise InvalidArgumentError(
            f"original={str(original.root)!r} is the checkpoint itself: name the model before it was extended"
        )
    try:
        history = read_history(checkpoint)
    except CheckpointError as error:  # the numbers do not depend on it
        return Provenance((str(error),))
    steps = () if history is None else history.steps
    if original is None:
        return _without_original(checkpoint, steps)
    return Provenance(tuple(_about(original, checkpoint, steps)))


def _without_original(opened: Checkpoint, steps: tuple[HistoryStep, ...]) -> Provenance:
    alone = "no `original` was given, so the checkpoint is compared with nothing"
    if not steps:
        return Provenance((alone,))
    sources = list(dict.fromkeys(step.source for step in steps))
    made = f"it was made from {', then '.join(sources)}"
    for step in steps:  # the first is the one that was trained, where it is still there
        if (found := _found(step, opened)) is not None:
            return Provenance((f"{alone}; {made}: give original={found!r}",), found)
    return Provenance((f"{alone}; {made}, which is not here with the recorded tables: give its path as `original`",))


def _found(step: HistoryStep, opened: Checkpoint) -> str | None:
    """Return the path of a step's source if it is there, as it was named or beside the checkpoint."""
    beside = opened.root.resolve().parent / Path(step.source).name
    for path in (Path(step.source), beside):
        try:
            if path.exists() and not path.samefile(opened.root) and has_tables(open_checkpoint(path), _before(step)):
                return str(path)
        except (PosembedError, OSError, ValueError):  # whatever lies there by now
            continue
    return None


def _about(named: Checkpoint, opened: Checkpoint, steps: tuple[HistoryStep, ...]) -> list[str]:
    """Return sentences about an original that was named."""
    own = {table.key: table_sha256(opened.read(table.key)) for table in find_tables(opened) if table.is_text_sequence}
    if has_tables(named, own):
        return ["`original` has the same position tables as the checkpoint: nothing was extended between them"]
    if steps and not any(has_tables(named, _before(step)) for step in steps):
        sources = ", ".join(dict.fromkeys(step.source for step in steps))
        return [
            f"`original` is not what the checkpoint was made from: its position tables differ from those recorded of "
            f"{sources}"
        ]
    return []


def _before(step: HistoryStep) -> dict[str, str]:
    return {table.key: table.sha256.before for table in step.tables}
