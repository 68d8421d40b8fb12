"""After a rewrite: does the new file keep what the plan promised?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from posembed.checkpoint.formats.safetensors.edit import read_tensor
from posembed.checkpoint.formats.safetensors.header import Header
from posembed.checkpoint.formats.safetensors.verify import compare_copied
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError
from posembed.extension.plan import TableChange
from posembed.tables.extend import exact_rows


def verify_file(
    old: Header, new: Header, replaced: Mapping[str, Array], tables: Iterable[TableChange], *, full: bool
) -> None:
    """Check a rewritten file against the one it was made from.

    Raises:
        CheckpointError: if a copied byte differs, a new tensor is not what was written, or a row that was promised
            exact is not.
    """
    compare_copied(old, new, full=full, replaced=replaced.keys())
    for key, values in replaced.items():
        written = read_tensor(new, key)
        if written.shape != values.shape or written.tobytes() != values.tobytes():
            raise CheckpointError(f"{new.path}: {key} does not read back as it was written: check the disk")
    for change in tables:
        if change.table.key in replaced:
            _verify_rows(old, new, change)


def _verify_rows(old: Header, new: Header, change: TableChange) -> None:
    table, layout = change.table, change.layout
    grid, length = layout.grid, None if layout.grid is not None else layout.usable_length
    if change.given is None:
        pairs = exact_rows(change.method, table.layout, length, grid=grid, **change.options)
    else:
        pairs = np.arange(table.layout.reserved + change.kept)[:, None].repeat(2, axis=1)
    befores, afters = (table.stored.split(read_tensor(header, table.key)) for header in (old, new))
    for before, after in zip(befores, afters, strict=True):
        if after.shape[0] != layout.rows or not np.isfinite(after.astype(np.float64)).all():
            raise CheckpointError(f"{new.path}: {table.key} has {after.shape[0]} rows or values that are not finite")
        if before[pairs[:, 0]].tobytes() != after[pairs[:, 1]].tobytes():
            raise CheckpointError(f"{new.path}: rows of {table.key} that were promised exact are not")
