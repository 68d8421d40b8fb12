"""Measure how far two tables agree: before and after an extension, or of two checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.rows import (
    Floats,
    as_rows,
    centered_to_one,
    finite_or_none,
    row_norms,
    smaller_product,
    unit_rows,
)


@dataclass(frozen=True, slots=True)
class TablePair:
    """How two tables agree on the positions that both have.

    Attributes:
        positions: how many those are; 0 where the tables cannot be compared row by row.
        equal_positions: how many of them have equal rows.
        equal_from_start: how many, counted from position 0 without a gap.
        largest_difference: largest absolute difference of two numbers; ``None`` for tables of different width.
        row_cosine: cosine of the two rows of each position, as they stand; ``None`` likewise, or where a row is zero.
        row_difference: ‖a − b‖ / ‖a‖ of each position.
        cka: see :func:`linear_cka`.
        remarks: what else to know, a sentence each.
    """

    positions: int
    equal_positions: int
    equal_from_start: int
    largest_difference: float | None
    row_cosine: tuple[float | None, ...] | None
    row_difference: tuple[float | None, ...] | None
    cka: float | None
    remarks: tuple[str, ...]


def compare_tables(
    first: NDArray[Any], second: NDArray[Any], first_layout: TableLayout, second_layout: TableLayout
) -> TablePair:
    """Compare two tables position by position.

    Args:
        first: ``[rows, d_model]``.
        second: the other one; its rows and width may differ.
        first_layout: what the rows of ``first`` mean.
        second_layout: what the rows of ``second`` mean.

    Raises:
        InvalidArgumentError: for a table that is not a finite ``[rows, d_model]``.

    Example:
        >>> pair = compare_tables(np.eye(3), np.eye(3)[:2], TableLayout(length=3), TableLayout(length=2))
        >>> pair.positions, pair.equal_from_start, pair.largest_difference
        (2, 2, 0.0)
    """
    ours, theirs = _positions(first, first_layout), _positions(second, second_layout)
    remarks = list(_others(as_rows(first), as_rows(second), first_layout, second_layout))
    if first_layout.grid != second_layout.grid:
        both = f"{_described(first_layout)} and {_described(second_layout)}"
        remarks.insert(0, f"{both}: their positions are not the same places, so rows are not compared")
        return TablePair(0, 0, 0, None, None, None, None, tuple(remarks))
    common = min(len(ours), len(theirs))
    if len(ours) != len(theirs):
        remarks.insert(0, f"{len(ours)} and {len(theirs)} positions: the first {common} are compared")
    a, b = ours[:common], theirs[:common]
    cka = linear_cka(a, b)
    if a.shape[1] != b.shape[1]:
        remarks.insert(0, f"widths {a.shape[1]} and {b.shape[1]}: only the similarity structure is compared (CKA)")
        return TablePair(common, 0, 0, None, None, None, cka, tuple(remarks))
    equal = (a == b).all(axis=1)
    return TablePair(
        common,
        int(equal.sum()),
        int(equal.argmin()) if not equal.all() else common,
        float(np.abs(a - b).max(initial=0.0)),
        tuple(finite_or_none(_cosines(a, b))),
        tuple(finite_or_none(_relative(a, b))),
        cka,
        tuple(remarks),
    )


def linear_cka(first: NDArray[Any], second: NDArray[Any]) -> float | None:
    """Return how far two tables have the same similarity structure, whatever their directions and widths: 1 if equal.

    Computed as ``‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖)`` of the centered tables, Frobenius norms.

    Returns:
        0 to 1, or ``None`` where a table is constant.

    Source: Kornblith et al. 2019, Similarity of neural network representations revisited.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((20, 4))
        >>> round(linear_cka(rows, 3 * rows[:, ::-1] + 1), 6)
        1.0
    """
    a, b = centered_to_one(first), centered_to_one(second)
    own, other = float(np.linalg.norm(smaller_product(a))), float(np.linalg.norm(smaller_product(b)))
    if own == 0 or other == 0:
        return None
    return min(1.0, float(np.linalg.norm(a.T @ b)) ** 2 / (own * other))


def _positions(table: NDArray[Any], layout: TableLayout) -> Floats:
    return as_rows(table)[layout.position_rows]


def _others(a: Floats, b: Floats, first: TableLayout, second: TableLayout) -> list[str]:
    """Return sentences about the rows that belong to no position."""
    remarks = []
    for name in ("reserved", "prefix", "suffix"):
        counts = getattr(first, name), getattr(second, name)
        if counts[0] != counts[1]:
            remarks.append(f"{counts[0]} and {counts[1]} {name} rows")
        elif counts[0] and a.shape[1] == b.shape[1]:
            places = [_place(layout, name) for layout in (first, second)]
            same = bool((a[places[0]] == b[places[1]]).all())
            remarks.append(f"the {counts[0]} {name} rows are {'equal' if same else 'different'}")
    return remarks


def _place(layout: TableLayout, name: str) -> slice:
    start = {"reserved": 0, "prefix": layout.reserved, "suffix": layout.rows - layout.suffix}[name]
    return slice(start, start + getattr(layout, name))


def _described(layout: TableLayout) -> str:
    if layout.grid is None:
        return f"a sequence of {layout.positions}"
    return f"a grid of {layout.grid[0]} × {layout.grid[1]}"


def _cosines(a: Floats, b: Floats) -> Floats:
    defined = a.any(axis=1) & b.any(axis=1)
    cosines = np.clip(np.einsum("ij,ij->i", unit_rows(a), unit_rows(b)), -1.0, 1.0)
    result: Floats = np.where(defined, cosines, np.nan)
    return result


def _relative(a: Floats, b: Floats) -> Floats:
    size = row_norms(a)
    relative: Floats = np.divide(row_norms(a - b), size, out=np.full(len(a), np.nan), where=size > 0)
    return relative
