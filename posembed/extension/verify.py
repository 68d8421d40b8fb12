"""Check a rewritten weight file against its source: copied tensors, new tensors, unchanged rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from posembed.checkpoint.formats.safetensors.edit import read_tensor
from posembed.checkpoint.formats.safetensors.header import Header
from posembed.checkpoint.formats.safetensors.verify import compare_copied
from posembed.checkpoint.formats.weight_file import WeightFile
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError
from posembed.extension.table_change import TableChange

_NUMBERS = 1 << 18  # compared at a time: 2 MB in float64


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
        if written.shape != values.shape or not _same_bytes(written, values):
            raise CheckpointError(f"{new.path}: {key} does not read back as it was written: check the disk")
    for change in tables:
        if change.table.key in replaced:
            _verify_rows(read_tensor(old, change.table.key), read_tensor(new, change.table.key), change, new.path)


def verify_kept_rows(old: WeightFile, new: WeightFile, keys: Container[str], tables: Iterable[TableChange]) -> None:
    """Check the tables of a rewritten file of another format, which has compared all else itself.

    Args:
        old: the source.
        new: the rewritten file.
        keys: of the tensors that changed in this file.
        tables: the tables that changed, in this file or another.

    Raises:
        CheckpointError: if a row that must stay unchanged has changed.
    """
    for change in tables:
        if change.table.key in keys:
            written = new.read(change.table.key)  # in F16 where its own type cannot be written
            _verify_rows(old.read(change.table.key).astype(written.dtype), written, change, new.path)


def _verify_rows(old: Array, new: Array, change: TableChange, file: Path) -> None:
    table, pairs = change.table, change.kept_rows()
    for before, after in zip(table.stored.split(old), table.stored.split(new), strict=True):
        if after.shape[0] != change.layout.rows or not _all_finite(after):
            raise CheckpointError(f"{file}: {table.key} has {after.shape[0]} rows or values that are not finite")
        if not _same_bytes(before[pairs[:, 0]], after[pairs[:, 1]]):
            raise CheckpointError(f"{file}: rows of {table.key} that must stay unchanged have changed")


def _all_finite(rows: Array) -> bool:
    """Return whether all values are finite; a part at a time, or a copy in float64 would be most of the memory."""
    return all(np.isfinite(part.astype(np.float64)).all() for part in _parts(rows))


def _same_bytes(one: Array, other: Array) -> bool:
    """Compare bit for bit (NaN equals NaN, 0 and −0 differ), a part at a time."""
    if one.dtype.itemsize != other.dtype.itemsize or one.shape != other.shape:
        return False
    pairs = zip(_parts(one), _parts(other), strict=True)
    return all(before.tobytes() == after.tobytes() for before, after in pairs)


def _parts(values: Array) -> Iterator[Array]:
    flat = values.reshape(-1)
    for begin in range(0, len(flat), _NUMBERS):
        yield flat[begin : begin + _NUMBERS]
