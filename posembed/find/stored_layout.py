"""How a tensor stores a position table: read its shape, split it into tables, join them again.

Each way is a class; to add one, write its class and put it into :data:`STORED_LAYOUTS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.layout import TableLayout

Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RowShape:
    """A tensor's shape, read as rows of one width.

    Attributes:
        stored: how the tensor stores them.
        rows: rows of one table.
        width: numbers in a row, ``d_model``.
        grid: ``(height, width)`` where the shape itself is a grid.
    """

    stored: StoredLayout
    rows: int
    width: int
    grid: tuple[int, int] | None = None


@dataclass(frozen=True)
class StoredLayout(ABC):
    """One way in which a tensor stores a position table.

    Attributes:
        name: short form of the shape, ``H`` and ``W`` for a grid, ``d`` for the width where it is not the last axis.
        is_matrix: whether the tensor is the table itself, ``[rows, d_model]``.
        is_batched_rows: whether an axis of length 1 stands before the rows, as vision models store class token,
            patches and their positions alike.
        holds_blocks: whether the two axes of the grid may be blocks and the rows in each, as in NesT.
        holds_two_axes: whether the tensor is a pair of tables, one per coordinate.
    """

    name: ClassVar[str]
    is_matrix: ClassVar[bool] = False
    is_batched_rows: ClassVar[bool] = False
    holds_blocks: ClassVar[bool] = False
    holds_two_axes: ClassVar[bool] = False

    @abstractmethod
    def read(self, shape: Size) -> RowShape | None:
        """Return what a tensor's shape means, or ``None`` if it is not stored in this way."""

    def split(self, values: Array) -> list[Array]:
        """Return the tables of a tensor, ``[rows, d_model]`` each: one, one per layer, or one per coordinate."""
        return [np.ascontiguousarray(values).reshape(-1, values.shape[-1])]

    def join(self, tables: list[Array], shape: Size) -> Array:
        """Return the tensor of some tables; the inverse of :meth:`split`."""
        return tables[0].reshape(shape)

    @abstractmethod
    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the shape of the tensor once its table has another layout."""

    def width(self, shape: Size) -> int:
        """Return the numbers in one row."""
        return shape[-1]


class Rows(StoredLayout):
    """``[rows, d_model]``: the table itself."""

    name = "rows"
    is_matrix = True

    def read(self, shape: Size) -> RowShape | None:
        """Return rows and width of a matrix of more than one row and column."""
        return RowShape(self, *shape) if len(shape) == 2 and min(shape) > 1 else None

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the matrix's new shape."""
        return (layout.rows, shape[1])


class BatchedRows(StoredLayout):
    """``[1, rows, d_model]``: ready to be added to a batch."""

    name = "1,rows"
    is_batched_rows = True

    def read(self, shape: Size) -> RowShape | None:
        """Return rows and width behind a leading axis of length 1."""
        return RowShape(self, shape[1], shape[2]) if len(shape) == 3 and shape[0] == 1 < shape[1] else None

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new shape, the leading axis kept."""
        return (1, layout.rows, shape[2])


class SequenceFirst(StoredLayout):
    """``[rows, 1, d_model]``: for inputs whose first axis is the sequence."""

    name = "rows,1"

    def read(self, shape: Size) -> RowShape | None:
        """Return rows and width around a middle axis of length 1."""
        return RowShape(self, shape[0], shape[2]) if len(shape) == 3 and shape[1] == 1 < shape[0] else None

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new shape, the middle axis kept."""
        return (layout.rows, 1, shape[2])


class PairedRows(StoredLayout):
    """``[2, rows, d_model]``: one table per coordinate, across and down, both of one length."""

    name = "2,rows"
    holds_two_axes = True

    def read(self, shape: Size) -> RowShape | None:
        """Return rows and width of either table: no image has a grid of two rows."""
        return RowShape(self, shape[1], shape[2]) if len(shape) == 3 and shape[0] == 2 and shape[1] > 1 else None

    def split(self, values: Array) -> list[Array]:
        """Return both tables."""
        return [np.ascontiguousarray(table) for table in values]

    def join(self, tables: list[Array], shape: Size) -> Array:  # noqa: ARG002 - the tables say it
        """Return both tables as one tensor."""
        return np.stack(tables)

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new shape of the pair."""
        return (2, layout.rows, shape[2])


class GridRows(StoredLayout):
    """``[H, W, d_model]``: a grid."""

    name = "H,W"

    def read(self, shape: Size) -> RowShape | None:
        """Return the grid of a tensor of three axes, the first of them neither 1 nor a pair of coordinates."""
        if len(shape) != 3 or min(shape[:2]) < 2:
            return None
        return RowShape(self, shape[0] * shape[1], shape[2], (shape[0], shape[1]))

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new grid's shape."""
        return (*_sides(layout, shape[:2]), shape[2])


class LayeredRows(StoredLayout):
    """``[layers, 1, rows, d_model]``: one table per layer, all of one layout."""

    name = "k,1,rows"

    def read(self, shape: Size) -> RowShape | None:
        """Return rows and width of each layer's table."""
        return RowShape(self, shape[2], shape[3]) if len(shape) == 4 and shape[1] == 1 < shape[2] else None

    def split(self, values: Array) -> list[Array]:
        """Return one table per layer."""
        return [np.ascontiguousarray(table[0]) for table in values]

    def join(self, tables: list[Array], shape: Size) -> Array:  # noqa: ARG002 - the tables say it
        """Return the layers' tables as one tensor."""
        return np.stack(tables)[:, None]

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new shape for the same number of layers."""
        return (shape[0], 1, layout.rows, shape[3])


class BatchedGrid(StoredLayout):
    """``[1, H, W, d_model]``: a grid, ready to be added to a batch."""

    name = "1,H,W"
    holds_blocks = True

    def read(self, shape: Size) -> RowShape | None:
        """Return the grid behind a leading axis of length 1, unless the channels stand first."""
        if len(shape) != 4 or shape[0] != 1 or shape[1:3] == (1, 1) or _channels_first(shape):
            return None
        return RowShape(self, shape[1] * shape[2], shape[3], (shape[1], shape[2]))

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new grid's shape, the leading axis kept."""
        return (1, *_sides(layout, shape[1:3]), shape[3])


class ChannelsFirstGrid(StoredLayout):
    """``[1, d_model, H, W]``: a grid stored as an image, channels first."""

    name = "1,d,H,W"

    def read(self, shape: Size) -> RowShape | None:
        """Return the grid of the last two axes."""
        if len(shape) != 4 or shape[0] != 1 or shape[2:] == (1, 1) or not _channels_first(shape):
            return None
        return RowShape(self, shape[2] * shape[3], shape[1], (shape[2], shape[3]))

    def split(self, values: Array) -> list[Array]:
        """Return the one table, its rows in row-major order of the grid."""
        return super().split(np.moveaxis(values, 1, -1))

    def join(self, tables: list[Array], shape: Size) -> Array:
        """Return the table as an image, channels first."""
        grid = tables[0].reshape(1, *shape[2:], tables[0].shape[-1])
        return np.ascontiguousarray(np.moveaxis(grid, -1, 1))

    def shape_for(self, shape: Size, layout: TableLayout) -> Size:
        """Return the new image's shape."""
        return (1, shape[1], *_sides(layout, shape[2:]))

    def width(self, shape: Size) -> int:
        """Return the number of channels."""
        return shape[1]


ROWS = Rows()
STORED_LAYOUTS: tuple[StoredLayout, ...] = (
    ROWS,
    BatchedRows(),
    SequenceFirst(),
    PairedRows(),
    GridRows(),
    LayeredRows(),
    ChannelsFirstGrid(),
    BatchedGrid(),
)
"""Every known way of storing a table; the first that can read a shape is believed."""


def read_shape(shape: Size) -> RowShape | None:
    """Return a tensor's shape as rows of one width, or ``None`` if no table is stored so.

    Example:
        >>> read_shape((1, 197, 768)).rows, read_shape((1, 14, 14, 768)).grid, read_shape((768,))
        (197, (14, 14), None)
    """
    if 0 in shape:
        return None
    return next((rows for rows in (stored.read(shape) for stored in STORED_LAYOUTS) if rows is not None), None)


def _sides(layout: TableLayout, old: Size) -> Size:
    """Return the sides of a grid; of a line of rows that is stored as a grid, the side of length 1 stays."""
    if layout.grid is not None:
        return layout.grid
    assert 1 in old  # a grid of several rows and columns is only ever given another grid
    return (1, layout.rows) if old[0] == 1 else (layout.rows, 1)


def _channels_first(shape: Size) -> bool:
    """Say whether ``[1, a, b, c]`` is an image of ``a`` channels rather than a grid of ``a × b`` rows.

    Two equal sides are the grid's, since nearly all grids are square. Otherwise the larger end is the width: rows are
    wider than grids are high.
    """
    first, middle, last = shape[1:]
    if first == middle != last:
        return False
    return (middle == last != first) or first > last
