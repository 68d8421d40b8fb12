"""Saved buffers that have a table's length and must change with it: position numbers, token types, causal masks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError
from posembed.extension.buffer_rules import BUFFER_RULES, BufferRule
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.records.extension import ChangedBuffer, Shapes


@dataclass(frozen=True, slots=True)
class DependentBuffer:
    """A buffer that depends on a table.

    Attributes:
        key: its name in the file.
        rule: what it means.
        table: the key of the table.
        shape: its shape, before.
        new_shape: its shape, afterwards.
    """

    key: str
    rule: BufferRule
    table: str
    shape: tuple[int, ...]
    new_shape: tuple[int, ...]

    @property
    def what(self) -> str:
        """Deprecated name of ``rule.what``."""
        warnings.warn("DependentBuffer.what is now DependentBuffer.rule.what", DeprecationWarning, stacklevel=2)
        return self.rule.what

    def extend(self, values: Array, file: object) -> Array:
        """Return the buffer's values at its new length; ``file`` is named in messages.

        Raises:
            CheckpointError: if the values lack the pattern that their name promises, so that they cannot be continued.
        """
        if not values.size:
            raise CheckpointError(
                f"{file}: {self.key} has the shape {list(values.shape)}, so no values: remove it first"
            )
        return self.rule.extend(self.key, values, self.new_shape, file)

    def record(self) -> ChangedBuffer:
        """Return the change as a record."""
        return ChangedBuffer(self.key, self.rule.what, Shapes(self.shape, self.new_shape))


def find_buffers(
    tensors: Mapping[str, StoredTensor], tables: Iterable[FoundTable], layouts: Mapping[str, TableLayout]
) -> list[DependentBuffer]:
    """Return the buffers that depend on tables that change.

    Args:
        tensors: all tensors of the checkpoint.
        tables: its position tables.
        layouts: the new layout of each table that changes.
    """
    tables = [table for table in tables if table.refused is None or table.frozen is not None]
    found: list[DependentBuffer] = []
    for key, tensor in tensors.items():
        shape = tensor.shape
        rule = next((rule for rule in BUFFER_RULES if rule.names.search(key) and rule.fits(shape)), None)
        table = rule.table(key, shape, tables) if rule is not None else None
        if rule is not None and table is not None and table.key in layouts:
            new_shape = rule.shape_for(key, shape, table.layout, layouts[table.key])
            found.append(DependentBuffer(key, rule, table.key, shape, new_shape))
    return found
