"""Check a rewritten weight file against its source: copied tensors, new tensors, unchanged rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from posembed.checkpoint.formats.safetensors.edit import read_tensor
from posembed.checkpoint.formats.safetensors.header import Header
from posembed.checkpoint.formats.safetensors.verify import compare_copied
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError
from posembed.extension.table_change import TableChange


def verify_file(
    old: Header, new: Header, replaced: Mapping[str, Array], tables: Iterable[TableChange], *, full: bool
) -> None:
    """Check a rewritten file against its source.

    Args:
        old: header of the source.
        new: header of the rewritten file.
        replaced: the new tensors, by key.
        tables: the tables that changed, in this file or another.
        full: compare every copied byte, not samples.

    Raises:
        CheckpointError: if a copied byte differs, a new tensor is not what was written, or a row that must stay
            unchanged has changed.
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
    table, pairs = change.table, change.kept_rows()
    befores, afters = (table.stored.split(read_tensor(header, table.key)) for header in (old, new))
    for before, after in zip(befores, afters, strict=True):
        if after.shape[0] != change.layout.rows or not np.isfinite(after.astype(np.float64)).all():
            raise CheckpointError(f"{new.path}: {table.key} has {after.shape[0]} rows or values that are not finite")
        if before[pairs[:, 0]].tobytes() != after[pairs[:, 1]].tobytes():
            raise CheckpointError(f"{new.path}: rows of {table.key} that must stay unchanged have changed")
