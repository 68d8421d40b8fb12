"""Plan to write rows that were computed elsewhere, for example by training."""

from __future__ import annotations

from dataclasses import replace

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError
from posembed.extension.plan import ExtensionPlan, plan_extension
from posembed.find.search import find_tables


def plan_rows(path: CheckpointPath, key: str, rows: Array, *, kept: int, made_by: str) -> ExtensionPlan:
    """Plan to give a table rows that were computed elsewhere, as many as it has now or more.

    Args:
        path: a checkpoint, as in :func:`posembed.find_tables`.
        key: of a sequence table.
        rows: all of them, ``[rows, d_model]``, reserved, prefix and suffix rows included.
        kept: number of leading positions whose rows stay unchanged, bit for bit; this is checked after writing.
        made_by: what computed them, in one word.

    Raises:
        InvalidArgumentError: for a shape or dtype that does not fit the table, or a checkpoint that cannot be extended.
    """
    checkpoint = open_checkpoint(path)
    table = next((table for table in find_tables(checkpoint) if table.key == key), None)
    if table is None or not table.is_plain_sequence:
        raise InvalidArgumentError(f"key={key!r} is not a plain sequence table of {checkpoint.root}")
    length = len(rows) - table.layout.reserved - table.look_ahead
    # stretch is the only method that may change rows without changing their number.
    plan = plan_extension(checkpoint, length, method="stretch", tables=[key])
    change = plan.tables[0]
    dtype = checkpoint.read(key).dtype
    if change.shape != rows.shape or rows.dtype != dtype:
        raise InvalidArgumentError(
            f"rows of shape {list(rows.shape)}, {rows.dtype} do not fit {key}: it must be {list(change.shape)}, {dtype}"
        )
    exact = f"the rows of the first {kept} positions" if kept else "nothing"
    given = replace(change, method=made_by, options={}, exact=exact, given=rows, kept=kept)
    return replace(plan, tables=(given,))
