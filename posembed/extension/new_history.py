"""Record in a copy how it was made, so that its original can be found again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from posembed._version import __version__
from posembed.checkpoint.tensors import Array
from posembed.extension.length_aware_place import tables_name
from posembed.extension.plan import ExtensionPlan
from posembed.find.history import read_history, table_sha256
from posembed.records.history import Hashes, History, HistoryStep, RecordedTable


def new_history(plan: ExtensionPlan, values: Mapping[str, Array]) -> bytes:
    """Return the content of the copy's ``posembed.json``: what that of its source says, and this step.

    There is no date and no measured time in it, so that the same call writes the same bytes. A method's option that
    JSON does not have is named by its type.

    Args:
        plan: what is written.
        values: the new tables by key.

    Raises:
        CheckpointError: if the source has a record that cannot be read.
    """
    before = read_history(plan.checkpoint)
    tables = []
    for change in plan.tables:
        record = change.record(plan.relative(change.table.file))
        hashes = Hashes(table_sha256(plan.checkpoint.read(record.key)), table_sha256(values[record.key]))
        tables.append(
            RecordedTable(
                record.key, record.method, record.options, record.shape, record.usable_length, record.grid, hashes
            )
        )
    chosen = None if plan.choice is None else plan.choice.untimed()
    length_aware = tables_name(plan.checkpoint) in plan.extra_files
    step = HistoryStep(__version__, plan.checkpoint.shown, tuple(tables), length_aware, chosen)
    history = History(steps=(*(before.steps if before is not None else ()), step))
    text = json.dumps(history.to_dict(), indent=1, default=lambda value: type(value).__name__)
    return f"{text}\n".encode()
