"""Everything that is known of a checkpoint's position tables: what was found, what limits them, what was measured."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.inspection.limits import LengthLimit, length_limits
from posembed.records.override import Override
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.brief import brief_analysis
from posembed.tables.measures.plot_data import TableViews, table_views

MOST_NUMBERS = 1 << 25  # of a larger table one dimension in k is measured
Depth = Literal["none", "brief", "full", "views"]


@dataclass(frozen=True, slots=True)
class TableCard:
    """One tensor of a card.

    Attributes:
        table: what was found.
        rows: its values as ``[rows, d_model]``, where they were read.
        analysis: its measures as plain values, where they were taken.
        views: what pictures need, where it was asked for.
        not_measured: why there are no measures.
    """

    table: FoundTable
    rows: Array | None = None
    analysis: dict[str, Any] | None = None
    views: TableViews | None = None
    not_measured: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the rows and the views."""
        return self.table.to_dict() | {"analysis": self.analysis, "not_measured": self.not_measured}


@dataclass(frozen=True, slots=True)
class CheckpointCard:
    """All that is known of a checkpoint's position tables.

    Attributes:
        checkpoint: its path as it was given.
        tables: tables first, refused look-alikes last.
        limits: what limits a text's length, the lowest first.
    """

    checkpoint: str
    tables: tuple[TableCard, ...]
    limits: tuple[LengthLimit, ...]

    def to_dict(self) -> dict[str, Any]:
        """What ``posembed inspect --json`` prints."""
        return {
            "checkpoint": self.checkpoint,
            "limits": [limit.to_dict() for limit in self.limits],
            "tables": [table.to_dict() for table in self.tables],
        }

    def with_views(self) -> dict[str, Any]:
        """What the report's pages take: the same, with each table's views."""
        return self.to_dict() | {"tables": [each.to_dict() | {"views": each.views} for each in self.tables]}


def read_card(
    path: CheckpointPath,
    *,
    override: Override | None = None,
    keys: Collection[str] | None = None,
    depth: Depth = "full",
    elsewhere: bool = False,
) -> CheckpointCard:
    """Find a checkpoint's tables, and measure them.

    Args:
        path: as in :func:`posembed.find_tables`.
        override: what the user says of one tensor.
        keys: only these tensors.
        depth: ``"none"`` reads no more than ``find_tables`` does, ``"brief"`` takes what a terminal shows, ``"full"``
            every measure, ``"views"`` the arrays that pictures need too.
        elsewhere: a key may be another checkpoint's: one that is not here is passed over.

    Raises:
        InvalidArgumentError: if the path holds no checkpoint, or a key is none of its tables.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    checkpoint = open_checkpoint(path)
    found = find_tables(checkpoint, override=override)
    known = [table.key for table in found]
    for key in keys or ():
        if key not in known and not elsewhere:
            raise InvalidArgumentError(f"--table {key}: no position table or look-alike has that name")
    shown = [table for table in found if not keys or table.key in keys]
    cards = tuple(_card(checkpoint, table, depth) for table in shown)
    return CheckpointCard(
        str(checkpoint.root if isinstance(path, Checkpoint) else path), cards, tuple(length_limits(checkpoint, found))
    )


def _card(checkpoint: Checkpoint, table: FoundTable, depth: Depth) -> TableCard:
    card = TableCard(table)
    if table.refused is not None or depth == "none":
        return card
    layers = table.stored.split(checkpoint.read(table.key))
    rows, notes = layers[0], []
    if len(layers) > 1:
        notes.append(f"the tensor holds {len(layers)} tables, one a layer; the first is measured")
    step = -(-rows.size // MOST_NUMBERS)
    if step > 1:
        rows = np.ascontiguousarray(rows[:, ::step])
        notes.append(f"the table is large: one in {step} of its {layers[0].shape[1]} dimensions is measured")
    layout = table.layout
    if layout.rows != len(rows):  # a uncertain reading that leaves rows over
        return replace(card, not_measured=f"its layout describes {layout.rows} rows of the {len(rows)} that it has")
    card = replace(card, rows=rows)
    try:
        if depth == "brief":
            return replace(card, analysis=_noted(brief_analysis(rows, layout), notes))
        analysis = _noted(analyze_table(rows, layout=layout).to_dict(), notes)
        return replace(card, analysis=analysis, views=table_views(rows, layout) if depth == "views" else None)
    except InvalidArgumentError as error:  # values that are not finite: a finding, not a wrong call
        return replace(card, not_measured=str(error))


def _noted(analysis: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    return analysis | {"notes": [*notes, *analysis["notes"]]}
