"""A table's rows as float64: checked, centered, normalized."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout

Floats = NDArray[np.float64]
_ROUNDING = 64 * np.finfo(np.float64).eps  # of the largest number: the rounding error of sums of a thousand rows


def as_rows(table: NDArray[Any]) -> Floats:
    """Return the table as float64 ``[rows, d_model]``, finite and not empty.

    Raises:
        InvalidArgumentError: for another shape, for values that are not real numbers, or for NaN and infinity.
    """
    given = np.asarray(table)
    if given.ndim != 2 or 0 in given.shape:
        raise InvalidArgumentError(f"table must be a non-empty [rows, d_model], got shape {list(given.shape)}")
    if given.dtype.kind not in "fiu" and not given.dtype.name.startswith(("bfloat", "float8")):  # those of ml_dtypes
        raise InvalidArgumentError(f"table must hold real numbers, got dtype {given.dtype}")
    rows = given.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise InvalidArgumentError(
            f"table holds values that are not finite; it cannot be measured (row {bad[0]} is the first of {len(bad)} "
            "such rows)"
        )
    return rows


def centered(table: NDArray[Any]) -> Floats:
    """Return the rows less their mean, float64 ``[rows, d_model]``; exact zeros where a column is constant.

    A row that differs from the mean by rounding alone becomes zeros: it has no direction of its own.

    Example:
        >>> centered(np.array([[0.1, 1.0], [0.1, 3.0]])).tolist()
        [[0.0, -1.0], [0.0, 1.0]]
    """
    rows = as_rows(table)
    shifted = rows - rows[0]  # constant columns become exact zeros, which the mean of 0.1 alone would miss
    result: Floats = shifted - shifted.mean(axis=0)
    result[np.abs(result).max(axis=1) <= _ROUNDING * np.abs(shifted).max()] = 0.0
    return result


def centered_to_one(table: NDArray[Any]) -> Floats:
    """Return the centered rows, scaled so that the largest number is ±1: squares of tiny tables would vanish.

    Example:
        >>> centered_to_one(np.array([[1e-200], [3e-200]])).tolist()
        [[-1.0], [1.0]]
    """
    rows = centered(table)
    largest = np.abs(rows).max()
    result: Floats = rows / largest if largest > 0 else rows
    return result


def row_norms(rows: Floats) -> Floats:
    """Return the Euclidean norm of each row, ``[rows]``, also where squares of its numbers would vanish or overflow.

    Example:
        >>> [f"{norm:.3g}" for norm in row_norms(np.array([[3e-200, 4e-200], [3e200, 4e200], [0.0, 0.0]]))]
        ['5e-200', '5e+200', '0']
    """
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    norms: Floats = largest[:, 0] * np.linalg.norm(scaled, axis=1)
    return norms


def unit_rows(rows: Floats) -> Floats:
    """Return each row divided by its norm; a row of zeros stays one.

    Example:
        >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    largest = np.abs(rows).max(axis=1, keepdims=True)  # first by this, or squares of tiny numbers would vanish
    scaled = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: Floats = np.divide(scaled, norms, out=np.zeros_like(rows), where=norms > 0)
    return unit


def smaller_product(rows: Floats) -> Floats:
    """Return ``AᵀA`` or ``AAᵀ``, whichever is smaller: both have the same Frobenius norm and eigenvalues.

    Example:
        >>> smaller_product(np.ones((3, 2))).shape
        (2, 2)
    """
    product: Floats = rows.T @ rows if rows.shape[1] <= len(rows) else rows @ rows.T
    return product


def finite_or_none(values: Floats) -> list[float | None]:
    """Return the values as plain numbers, ``None`` for those that are not finite."""
    return [float(value) if np.isfinite(value) else None for value in values]


def require_grid(rows: int, grid: tuple[int, int]) -> None:
    """Refuse a grid whose number of patches is not the number of rows.

    Raises:
        InvalidArgumentError: naming both.
    """
    if min(grid) < 1 or grid[0] * grid[1] != rows:
        raise InvalidArgumentError(f"grid={grid[0]}x{grid[1]} is not the {rows} rows of the table")


def require_layout(rows: Floats, layout: TableLayout) -> None:
    """Refuse a layout that describes another number of rows.

    Raises:
        InvalidArgumentError: naming both.
    """
    if layout.rows != len(rows):
        raise InvalidArgumentError(f"layout describes {layout.rows} rows, but the table has {len(rows)}")
