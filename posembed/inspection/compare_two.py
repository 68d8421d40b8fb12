"""Compare the position tables of two checkpoints."""

from __future__ import annotations

import dataclasses

from posembed.errors import InvalidArgumentError
from posembed.inspection.card import MeasuredCheckpoint, MeasuredTable
from posembed.records.card import CheckpointCard, PairCard, TablesCompared, Unpaired
from posembed.tables.measures.compare_two import compare_tables


def pair_tables(first: MeasuredCheckpoint, second: MeasuredCheckpoint) -> PairCard:
    """Compare the tables of two checkpoints: those of one name, then those that are the only ones of their kind.

    Raises:
        InvalidArgumentError: if nothing can be paired.
    """
    ours, theirs = ([each for each in side.tables if each.table.refused is None] for side in (first, second))
    matched: list[tuple[MeasuredTable, MeasuredTable]] = []
    for one in list(ours):
        twin = next((other for other in theirs if other.table.key == one.table.key), None)
        if twin is not None:
            matched.append((one, twin))
            ours.remove(one)
            theirs.remove(twin)
    for kind in dict.fromkeys(one.table.kind for one in ours):
        left, right = ([each for each in side if each.table.kind == kind] for side in (ours, theirs))
        if len(left) == len(right) == 1:
            matched.append((left[0], right[0]))
            ours.remove(left[0])
            theirs.remove(right[0])
    if not matched:
        raise InvalidArgumentError(
            f"{first.card.checkpoint} and {second.card.checkpoint} have no position tables to compare: "
            f"{_keys(first.card)} in the first, {_keys(second.card)} in the second; limit each to one with `tables`"
        )
    pairs = tuple(_compared(one, other) for one, other in matched)
    alone = Unpaired(tuple(one.table.key for one in ours), tuple(other.table.key for other in theirs))
    return PairCard(first.card, second.card, pairs, alone)


def _compared(one: MeasuredTable, other: MeasuredTable) -> TablesCompared:
    keys = (one.table.key, other.table.key)
    if one.rows is None or other.rows is None or one.card.not_measured or other.card.not_measured:
        reasons = tuple(
            f"{each.key}: {each.not_measured}" for each in (one.card, other.card) if each.not_measured is not None
        )
        return TablesCompared(*keys, 0, 0, 0, None, None, None, None, reasons)
    pair = compare_tables(one.rows, other.rows, one.table.layout, other.table.layout)
    values = {f.name: getattr(pair, f.name) for f in dataclasses.fields(pair)}
    return TablesCompared(*keys, **values)


def _keys(card: CheckpointCard) -> str:
    return ", ".join(table.key for table in card.position_tables) or "none"
