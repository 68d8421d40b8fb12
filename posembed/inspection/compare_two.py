"""The tables of two checkpoints, laid side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from posembed.errors import InvalidArgumentError
from posembed.inspection.card import CheckpointCard, TableCard
from posembed.tables.measures.compare_two import TablePair, compare_tables


@dataclass(frozen=True, slots=True)
class PairCard:
    """Two checkpoints and what their tables have in common.

    Attributes:
        first: the one named first.
        second: the other.
        pairs: which tables were laid side by side, by key, and how they agree (``None``: a table was not measured).
        alone: keys without a counterpart, of the first and of the second.
    """

    first: CheckpointCard
    second: CheckpointCard
    pairs: tuple[tuple[TableCard, TableCard, TablePair | None], ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """What ``posembed inspect A B --json`` prints."""
        return {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "pairs": [
                {"first": one.table.key, "second": other.table.key}
                | (_nothing(one, other) if pair is None else dataclasses.asdict(pair))
                for one, other, pair in self.pairs
            ],
            "alone": {"first": list(self.alone[0]), "second": list(self.alone[1])},
        }

    def with_views(self) -> dict[str, Any]:
        """What the report's page takes: the same, with each table's views."""
        return self.to_dict() | {"first": self.first.with_views(), "second": self.second.with_views()}


def pair_cards(first: CheckpointCard, second: CheckpointCard) -> PairCard:
    """Lay the tables of two checkpoints side by side: those of one name, then those that are alone of their kind.

    Raises:
        InvalidArgumentError: if nothing can be paired.
    """
    ours, theirs = ([card for card in each.tables if card.table.refused is None] for each in (first, second))
    matched: list[tuple[TableCard, TableCard]] = []
    for card in list(ours):
        twin = next((other for other in theirs if other.table.key == card.table.key), None)
        if twin is not None:
            matched.append((card, twin))
            ours.remove(card)
            theirs.remove(twin)
    for kind in dict.fromkeys(card.table.kind for card in ours):
        left, right = ([card for card in side if card.table.kind == kind] for side in (ours, theirs))
        if len(left) == len(right) == 1:
            matched.append((left[0], right[0]))
            ours.remove(left[0])
            theirs.remove(right[0])
    if not matched:
        raise InvalidArgumentError(
            f"{first.checkpoint} and {second.checkpoint} have no position tables to lay side by side: "
            f"{_keys(first)} there, {_keys(second)} here; limit each to one with --table KEY"
        )
    pairs = tuple((one, other, _compare(one, other)) for one, other in matched)
    alone = (tuple(card.table.key for card in ours), tuple(card.table.key for card in theirs))
    return PairCard(first, second, pairs, alone)


def _compare(one: TableCard, other: TableCard) -> TablePair | None:
    if one.rows is None or other.rows is None or one.not_measured or other.not_measured:
        return None
    return compare_tables(one.rows, other.rows, one.table.layout, other.table.layout)


def _nothing(one: TableCard, other: TableCard) -> dict[str, Any]:
    """The same entries for two tables of which one could not be measured."""
    reasons = [f"{card.table.key}: {card.not_measured}" for card in (one, other) if card.not_measured]
    empty = dict.fromkeys(field.name for field in dataclasses.fields(TablePair))
    return empty | {"positions": 0, "equal_positions": 0, "equal_from_start": 0, "remarks": reasons}


def _keys(card: CheckpointCard) -> str:
    return ", ".join(each.table.key for each in card.tables if each.table.refused is None) or "none"
