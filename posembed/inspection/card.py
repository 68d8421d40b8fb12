"""Find a checkpoint's position tables, measure them, and gather what limits its input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from posembed.checkpoint.own_code import code_note
from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.find.history import has_tables, read_history
from posembed.find.search import find_tables
from posembed.inspection.limits import length_limits
from posembed.layout import TableLayout
from posembed.records.card import CheckpointCard, TableCard
from posembed.records.history import HistoryStep
from posembed.records.inspect import Depth, InspectOptions

MOST_NUMBERS = 1 << 25
"""Largest table of which every dimension is measured: 33 million numbers, 65,536 rows of 512.

The measures hold a few float64 copies of the table, 256 MiB each at this size. Of larger tables every k-th dimension is
measured, which changes cosines and norms little: dimensions of a trained table are in no order.
"""


@dataclass(frozen=True, slots=True)
class MeasuredTable:
    """A table with its card, and the rows that were measured."""

    table: FoundTable
    card: TableCard
    rows: Array | None = None


@dataclass(frozen=True, slots=True)
class MeasuredCheckpoint:
    """A checkpoint, its card, and the measured tables behind it."""

    card: CheckpointCard
    tables: tuple[MeasuredTable, ...]
    source: Checkpoint


def measure_checkpoint(path: CheckpointPath, options: InspectOptions) -> MeasuredCheckpoint:
    """Find a checkpoint's tables, and measure them.

    Args:
        path: as in :func:`posembed.find_tables`.
        options: what to show and to measure. Keys in ``tables`` that this checkpoint does not have are skipped.

    Raises:
        InvalidArgumentError: if the path holds no checkpoint.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    checkpoint = open_checkpoint(path)
    found = find_tables(checkpoint, override=options.described)
    shown = [table for table in found if not options.tables or table.key in options.tables]
    measured = tuple(_measured(checkpoint, table, options) for table in shown)
    named = checkpoint.shown if isinstance(path, Checkpoint) or checkpoint.address else str(path)
    limits = tuple(length_limits(checkpoint, found))
    history, notes = _recorded(checkpoint, options.values)
    card = CheckpointCard(named, limits, tuple(each.card for each in measured), notes, history)
    return MeasuredCheckpoint(card, measured, checkpoint)


def _recorded(checkpoint: Checkpoint, values: bool) -> tuple[tuple[HistoryStep, ...], tuple[str, ...]]:
    """Return how a checkpoint was made, and what else its files say: a record that cannot be read is a finding."""
    notes = [note for note in (code_note(checkpoint),) if note is not None]
    try:
        history = read_history(checkpoint)
    except CheckpointError as error:
        return (), (*notes, str(error))
    if history is None:
        return (), tuple(notes)
    written = {table.key: table.sha256.after for step in history.steps for table in step.tables}
    for key, sha256 in written.items() if values else ():
        if not has_tables(checkpoint, {key: sha256}):
            notes.append(f"{key} has other rows than were recorded: it was changed since")
    return history.steps, tuple(notes)


def thinned(rows: Array) -> tuple[Array, int]:
    """Return every k-th dimension of a table of more than :data:`MOST_NUMBERS` numbers, and k; else the table and 1."""
    step = -(-rows.size // MOST_NUMBERS)
    return (rows, 1) if step == 1 else (np.ascontiguousarray(rows[:, ::step]), step)


def _measured(checkpoint: Checkpoint, table: FoundTable, options: InspectOptions) -> MeasuredTable:
    card = TableCard.from_dict(table.to_dict())
    if table.refused is not None or not options.values:
        return MeasuredTable(table, card)
    layers = table.stored.split(checkpoint.read(table.key))
    notes = []
    if len(layers) > 1:
        each = "coordinate" if table.stored.holds_two_axes else "layer"
        notes.append(f"the tensor holds {len(layers)} tables, one per {each}; the first is measured")
    rows, step = thinned(layers[0])
    if step > 1:
        notes.append(f"the table is large: one in {step} of its {layers[0].shape[1]} dimensions is measured")
    layout = table.layout
    if layout.rows != len(rows):  # an uncertain reading that leaves rows over
        reason = f"its layout describes {layout.rows} rows, and the table has {len(rows)}"
        return MeasuredTable(table, replace(card, not_measured=reason))
    try:
        card = _with_measures(card, rows, layout, options.depth, notes)
    except InvalidArgumentError as error:  # values that are not finite: a finding, not a wrong call
        card = replace(card, not_measured=str(error))
    return MeasuredTable(table, card, rows)


def _with_measures(card: TableCard, rows: Array, layout: TableLayout, depth: Depth, notes: list[str]) -> TableCard:
    # Much of the start, which an inspection without values does without.
    from posembed.tables.measures.analysis import analyze_table
    from posembed.tables.measures.brief import brief_analysis
    from posembed.tables.measures.plot_data import table_views

    if depth == "brief":
        brief = brief_analysis(rows, layout)
        return replace(card, analysis=replace(brief, notes=(*notes, *brief.notes)))
    analysis = analyze_table(rows, layout=layout)
    analysis = replace(analysis, notes=(*notes, *analysis.notes))
    return replace(card, analysis=analysis, views=table_views(rows, layout) if depth == "views" else None)
