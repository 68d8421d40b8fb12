"""A stored tensor as rows of one width, and back: the ways in which model families write a table."""

from __future__ import annotations

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.find.found import FoundTable
from posembed.layout import TableLayout


def split_tables(values: Array, memory: str) -> list[Array]:
    """A stored tensor as its tables, ``[rows, d_model]`` each: one, or one a layer."""
    if memory == "k,1,rows":
        return [np.ascontiguousarray(table[0]) for table in values]
    if memory == "1,d,H,W":
        values = np.moveaxis(values, 1, -1)
    return [np.ascontiguousarray(values).reshape(-1, values.shape[-1])]


def join_tables(tables: list[Array], memory: str, shape: tuple[int, ...]) -> Array:
    """Tables as they are stored; the counterpart of :func:`split_tables`."""
    if memory == "k,1,rows":
        return np.stack(tables)[:, None]
    if memory == "1,d,H,W":
        return np.ascontiguousarray(np.moveaxis(tables[0].reshape(1, *shape[2:], tables[0].shape[-1]), -1, 1))
    return tables[0].reshape(shape)


def new_shape(table: FoundTable, layout: TableLayout) -> tuple[int, ...]:
    """A tensor's shape for another layout of its rows."""
    if table.memory == "rows":
        return (layout.rows, *table.shape[1:])
    if table.memory == "1,rows":
        return (1, layout.rows, table.shape[2])
    if table.memory == "k,1,rows":
        return (table.shape[0], 1, layout.rows, table.shape[3])
    if table.memory == "rows,1":
        return (layout.rows, 1, table.shape[2])
    assert layout.grid is not None
    if table.memory == "H,W":
        return (*layout.grid, table.shape[2])
    if table.memory == "1,H,W":
        return (1, *layout.grid, table.shape[3])
    return (1, table.shape[1], *layout.grid)
