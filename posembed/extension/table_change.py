"""One position table before and after its extension: its layout, its method, its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.records.extension import ChangedTable, Lengths, Shapes
from posembed.tables.extend import exact_rows, extend_table


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table, before and after.

    Attributes:
        table: as it was found.
        layout: what its rows will mean.
        method: the method's name, ``"auto"`` resolved.
        options: of the method.
        exact: which old rows stay unchanged, in words.
        given: the rows themselves where no method makes them, ``[rows, d_model]``.
        kept: of given rows: number of leading positions whose rows must be the old ones, bit for bit.
        pixels: of a grid: the image's new size, ``(height, width)``, where the call names it.
    """

    table: FoundTable
    layout: TableLayout
    method: str
    options: Mapping[str, object]
    exact: str
    given: Array | None = field(default=None, repr=False, compare=False)
    kept: int = 0
    pixels: tuple[int, int] | None = None

    @property
    def usable_length(self) -> int:
        """Longest input in tokens, afterwards."""
        return self.layout.usable_length - self.table.look_ahead

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor, afterwards."""
        return self.table.shape_for(self.layout)

    def apply(self, values: Array) -> Array:
        """Return the new tensor for the old one, in its dtype.

        Raises:
            InvalidArgumentError: if the method does not support this change, or the rows are not finite.
        """
        if self.given is not None:
            return self.given
        length, grid = self._size()
        try:
            new = [
                extend_table(rows, length, grid=grid, method=self.method, layout=self.table.layout, **self.options)
                for rows in self.table.stored.split(values)
            ]
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{self.table.key}: {error}") from error
        return self.table.stored.join(new, self.shape)

    def kept_rows(self) -> NDArray[np.int64]:
        """Return the pairs (old row, new row) that must be equal bit for bit, ``[n, 2]``."""
        if self.given is not None:
            return np.arange(self.table.layout.reserved + self.kept)[:, None].repeat(2, axis=1)
        length, grid = self._size()
        return exact_rows(self.method, self.table.layout, length, grid=grid, **self.options)

    def _size(self) -> tuple[int | None, tuple[int, int] | None]:
        """The new size as ``extend_table`` takes it: a length, or a grid."""
        grid = self.layout.grid
        return (None, grid) if grid is not None else (self.layout.usable_length, None)

    def record(self, file: str) -> ChangedTable:
        """Return the change as a record; ``file`` is the path to show."""
        before, after = self.table.layout.grid, self.layout.grid
        return ChangedTable(
            key=self.table.key,
            file=file,
            kind=self.table.kind.value,
            family=self.table.family,
            shape=Shapes(self.table.shape, self.shape),
            usable_length=Lengths(self.table.usable_length, self.usable_length),
            grid=None if before is None or after is None else Shapes(before, after),
            method=self.method,
            options=self.options,
            exact=self.exact,
        )
