"""``posembed inspect``: the position tables of a checkpoint, or of two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from posembed.checkpoint.source import CheckpointPath
from posembed.errors import InvalidArgumentError
from posembed.inspection.card import MeasuredCheckpoint, measure_checkpoint
from posembed.observer import SILENT, Observer
from posembed.records.base import takes
from posembed.records.behavior import Behavior
from posembed.records.card import CheckpointCard, PairCard
from posembed.records.inspect import InspectOptions


@takes(InspectOptions)
def inspect_checkpoint(
    path: CheckpointPath,
    options: InspectOptions | None = None,
    *,
    observer: Observer = SILENT,
    **keywords: Any,
) -> CheckpointCard:
    """Show a checkpoint's position tables: which they are, what their rows mean, and what they learned.

    Args:
        path: as in :func:`posembed.find_tables`.
        options: all options as one record, in place of keywords.
        observer: follows the runs of the model.
        **keywords: the fields of :class:`posembed.records.inspect.InspectOptions`. ``values=False`` reads headers and
            configuration only; ``run=True`` also loads the model and runs it with its positions moved.

    Raises:
        InvalidArgumentError: if the path holds no checkpoint, or a key in ``tables`` is not one of its tables.
        CheckpointError: for a file that is broken, unsafe or missing.
        MissingExtraError: with ``run=True``, if the library that reads the model is not installed.
        DataError: with ``run=True``, for texts that cannot be read, or too few of them.

    Example:
        >>> card = inspect_checkpoint("my-bert", values=False)  # doctest: +SKIP
        >>> [(table.key, table.usable_length) for table in card.position_tables]  # doctest: +SKIP
        [('embeddings.position_embeddings.weight', 512)]
    """
    settled = InspectOptions.of(options, keywords)
    if settled.run:
        from posembed.checkpoint.local_copy import opened_copy

        opened = opened_copy(path, observer)
        path = opened if opened.address is not None else path
    measured = measure_checkpoint(path, settled)
    card = measured.card
    _require_keys(settled, "no position table or look-alike has that name", card)
    return replace(card, behavior=_behavior(measured, settled, observer)) if settled.run else card


def _behavior(measured: MeasuredCheckpoint, options: InspectOptions, observer: Observer) -> Behavior:
    tables = [each.table for each in measured.tables if each.table.refused is None and each.table.unused is None]
    if not tables:
        return Behavior("", (), ("there is no position table whose rows could be moved",))
    observer.message("loading the model")
    # torch, which an inspection of files does without
    from posembed.hardware import resolve_device
    from posembed.quality.behavior.probe import probe
    from posembed.quality.models.memory import memory_named

    device = resolve_device(options.device)
    with memory_named(device, "or inspect it without `run`"):
        return probe(measured.source, tables, options.data or "stdlib", options.seed, observer, device=device)


@takes(InspectOptions)
def compare_checkpoints(
    first: CheckpointPath, second: CheckpointPath, options: InspectOptions | None = None, **keywords: Any
) -> PairCard:
    """Compare the position tables of two checkpoints, position by position.

    Tables of the same name are compared, then those that are the only ones of their kind.

    Args:
        first: as in :func:`posembed.find_tables`.
        second: the other one.
        options: all options as one record, in place of keywords.
        **keywords: the fields of :class:`posembed.records.inspect.InspectOptions`; a key in ``tables`` may be in either
            checkpoint.

    Raises:
        InvalidArgumentError: if a path holds no checkpoint, a key is in neither, or nothing can be compared.
        CheckpointError: for a file that is broken, unsafe or missing.

    Example:
        >>> pair = compare_checkpoints("my-bert", "long-bert")  # doctest: +SKIP
        >>> pair.pairs[0].equal_from_start  # doctest: +SKIP
        512
    """
    settled = InspectOptions.of(options, keywords)
    if not settled.values:
        raise InvalidArgumentError("two checkpoints are compared by the values of their tables: leave values=False out")
    if settled.run:
        raise InvalidArgumentError("run=True moves the positions of one model: inspect each checkpoint by itself")
    if settled.described is not None:
        raise InvalidArgumentError(
            "`reserved`, `prefix` and `table_grid` describe a table of one checkpoint: inspect each by itself"
        )
    from posembed.inspection.compare_two import pair_tables  # the measures, which one checkpoint may do without

    one, other = measure_checkpoint(first, settled), measure_checkpoint(second, settled)
    _require_keys(settled, "neither checkpoint has a position table of that name", one.card, other.card)
    return pair_tables(one, other)


def _require_keys(options: InspectOptions, reason: str, *cards: CheckpointCard) -> None:
    known = {table.key for card in cards for table in card.tables}
    for key in options.tables or ():
        if key not in known:
            raise InvalidArgumentError(f"tables={key!r}: {reason}")
