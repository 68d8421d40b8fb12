"""The published sinusoidal formulas on arrays, and which of them the rows of a table follow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout

Floats = NDArray[np.float64]
Variant = Literal["interleaved", "half", "fairseq"]
Order = Literal["width first", "height first"]

BASE = 10000.0
FEWEST_ROWS = 4
"""Fewer rows follow several formulas: at position 0, they all hold sin 0 and cos 0."""
FIRST_POSITIONS = range(5)
"""Positions that the first row can have: fairseq's formula counts from the row after the padding token's, whose id is
one of the first four (BERT 0, RoBERTa 1)."""
ANGLE_ERROR = 2.0**-22
"""Error of an angle per position where a library computed it in float32: a frequency is off by a few units in the last
place (2⁻²⁴ each), and so is the product. Whisper's 1,500 rows are off by a quarter of it."""
SIGNIFICAND_BITS = {"bfloat16": 8, "float16": 11}


@dataclass(frozen=True, slots=True)
class Formula:
    """A sinusoidal formula that a table's rows follow.

    Attributes:
        variant: ``"interleaved"``, ``"half"`` or ``"fairseq"``, as in :func:`posembed.nn.sinusoidal.sinusoidal_rows`;
            or ``"zeros"``, of a table that was never filled (a ViT-MAE that Transformers 5.23 builds anew).
        first: position of the first row that is one.
        order: for a grid, which coordinate the first half of a row encodes; ``None`` for a sequence.
    """

    variant: Variant | Literal["zeros"]
    first: int = 0
    order: Order | None = None

    def __str__(self) -> str:
        return self.variant if self.order is None else f"{self.variant}, {self.order}"

    def rows(self, size: int | tuple[int, int], d_model: int) -> Floats:
        """Return the rows of a sequence ``[size, d_model]``, or of a grid ``[height, width, d_model]``.

        Example:
            >>> Formula("half").rows(1, 4).tolist()
            [[0.0, 0.0, 1.0, 1.0]]
            >>> Formula("half", order="height first").rows((1, 2), 8)[0, 0].tolist()
            [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
        """
        if self.variant == "zeros":
            return np.zeros((size, d_model) if isinstance(size, int) else (*size, d_model))
        if isinstance(size, int):
            return sinusoid_rows(np.arange(self.first, self.first + size), d_model, self.variant)
        down, across = (sinusoid_rows(np.arange(side), d_model // 2, self.variant) for side in size)
        halves = [
            np.broadcast_to(down[:, None], (*size, d_model // 2)),
            np.broadcast_to(across[None], (*size, d_model // 2)),
        ]
        return np.concatenate(halves if self.order == "height first" else halves[::-1], axis=-1)


def sinusoid_rows(positions: NDArray[Any], d_model: int, variant: Variant, *, base: float = BASE) -> Floats:
    """Return the sinusoidal rows of positions in float64, ``[n, d_model]``.

    The same as :func:`posembed.nn.sinusoidal.sinusoidal_rows` without torch: an odd width drops the last cosine
    (``interleaved``) or ends with a zero column (``half`` and ``fairseq``).

    Example:
        >>> sinusoid_rows(np.array([0]), 5, "interleaved").tolist()
        [[0.0, 1.0, 0.0, 1.0, 0.0]]
        >>> sinusoid_rows(np.array([0]), 5, "fairseq").tolist()
        [[0.0, 0.0, 1.0, 1.0, 0.0]]
    """
    if variant == "interleaved":
        dimension = np.arange(d_model)
        angles = positions[:, None] * base ** (-(dimension // 2 * 2) / d_model)
        table: Floats = np.where(dimension % 2 == 0, np.sin(angles), np.cos(angles))
        return table
    half = d_model // 2
    steps = max(half if variant == "half" else half - 1, 1)
    angles = positions[:, None] * base ** (-np.arange(half) / steps)
    rest = np.zeros((len(positions), d_model % 2))
    return np.concatenate((np.sin(angles), np.cos(angles), rest), axis=1)


def formula_of(rows: NDArray[Any], layout: TableLayout) -> Formula | None:
    """Return the formula that a table's positions follow, or ``None``.

    Args:
        rows: the whole table or its leading rows, ``[n, d_model]``, reserved and prefix rows included; these may hold
            anything.
        layout: what the rows of the whole table mean.

    Example:
        >>> table = sinusoid_rows(np.arange(16), 8, "fairseq").astype(np.float32)
        >>> str(formula_of(table, TableLayout(length=16)))
        'fairseq'
        >>> formula_of(table * 2, TableLayout(length=16)) is None
        True
    """
    found = np.asarray(rows)[layout.position_rows].astype(np.float64)
    count, width = found.shape
    if count < FEWEST_ROWS or width < 2 or not np.isfinite(found).all():
        return None
    if not found.any():
        return Formula("zeros")
    size: int | tuple[int, int] = count
    if layout.grid is not None:
        size = (min(layout.grid[0], -(-count // layout.grid[1])), layout.grid[1])
    for formula in _candidates(layout, width):
        wanted = formula.rows(size, width).reshape(-1, width)[:count]
        if np.abs(found - wanted).max() <= tolerance(found, formula.first + _farthest(size)):
            return formula
    return None


def tolerance(values: NDArray[Any], farthest: int) -> float:
    """Return how far values may be from a formula and still be its rounded results.

    Args:
        values: as they are stored, in any dtype that holds them.
        farthest: the largest position among them.
    """
    bits = 24
    for dtype in (ml_dtypes.bfloat16, np.float16):  # half precision that was widened later keeps its rounding
        narrow = values.astype(dtype)
        if (narrow.astype(values.dtype) == values).all():
            bits = SIGNIFICAND_BITS[np.dtype(dtype).name]
            break
    return float(2.0**-bits + ANGLE_ERROR * max(farthest, 1))


def _candidates(layout: TableLayout, width: int) -> Iterator[Formula]:
    if layout.grid is None:
        for variant, first in itertools.product(get_args(Variant), FIRST_POSITIONS):
            yield Formula(variant, first)
    elif width % 2 == 0:
        for variant, order in itertools.product(get_args(Variant), get_args(Order)):
            yield Formula(variant, order=order)


def _farthest(size: int | tuple[int, int]) -> int:
    return size if isinstance(size, int) else max(size)
