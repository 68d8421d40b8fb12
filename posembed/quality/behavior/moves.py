"""Ways of moving positions: which position's row each position reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.checkpoint.tensors import Array
from posembed.layout import TableLayout
from posembed.quality.rng import generator
from posembed.records.behavior import PlacementName

Positions = NDArray[np.int64]
SPREADS = (2, 3, 4, 8)
"""Factors by which positions are spread: Sinha et al. 2022 shift; a spread also changes the distances."""
CROWDS = (2, 4)
"""Patches a side that share one position of a grid."""
STARTS = 16
"""Parts into which the table is cut by the starts that are shown: 32, 64, … of 512 positions."""


@dataclass(frozen=True)
class Move:
    """One way of moving positions.

    Attributes:
        name: what is done.
        amount: by how much, where that can vary.
        source: the position whose row each of the first positions reads; ``None``: all read the mean row.
    """

    name: PlacementName
    amount: int | None
    source: Positions | None

    def apply(self, table: Array, layout: TableLayout) -> Array:
        """Return a copy of a table ``[rows, d_model]`` in which positions read the rows of others.

        Reserved, prefix and suffix rows stay, and so do positions that ``source`` does not reach.
        """
        moved = table.copy()
        places = layout.position_rows
        if self.source is None:
            moved[places] = table[places].astype(np.float64).mean(axis=0).astype(table.dtype)
            return moved
        moved[places.start : places.start + len(self.source)] = table[places.start + self.source]
        return moved


@dataclass(frozen=True)
class RandomRows(Move):
    """Rows of random numbers in place of the first positions' rows, with the norm that the last rows have.

    They are what an untrained row is to the model: if a table has some, they stand at its end.

    Attributes:
        count: number of positions.
        seed: of the numbers.
    """

    name: PlacementName = "random rows"
    amount: int | None = None
    source: Positions | None = None
    count: int = 0
    seed: int = 0

    def apply(self, table: Array, layout: TableLayout) -> Array:
        """Return a copy of a table with random rows."""
        moved, places = table.copy(), layout.position_rows
        rows = generator("behavior", "rows", self.seed).normal(size=(self.count, table.shape[1]))
        last = np.linalg.norm(table[places][-self.count :].astype(np.float64), axis=1)
        rows *= np.median(last) / np.linalg.norm(rows, axis=1, keepdims=True)
        moved[places.start : places.start + self.count] = rows.astype(table.dtype)
        return moved


UNMOVED = Move("unmoved", None, np.arange(0))


def start_at(first: int, tokens: int) -> Move:
    """Return the move by which a text of ``tokens`` starts at position ``first``."""
    return Move("start", first, first + np.arange(tokens))


def sequence_moves(positions: int, tokens: int, seed: int) -> Iterator[Move]:
    """Yield the moves of a text of ``tokens`` in a table of ``positions``.

    Example:
        >>> [f"{move.name} {move.amount}" for move in sequence_moves(32, 8, 0)][:3]
        ['start 2', 'start 4', 'start 6']
        >>> [move.amount for move in sequence_moves(32, 8, 0) if move.name == "spread"]
        [2, 3, 4]
    """
    unmoved = np.arange(tokens)
    step, last = max(1, positions // STARTS), positions - tokens
    starts = range(step, last + 1, step)
    for first in starts:
        yield start_at(first, tokens)
    shift = step
    while shift <= last:
        kept = unmoved + shift
        kept[0] = 0
        yield Move("start, first kept", shift, kept)
        shift *= 2
    for factor in SPREADS:
        if (tokens - 1) * factor < positions:
            yield Move("spread", factor, unmoved * factor)
    yield from _without_order(tokens, seed)


def grid_moves(grid: tuple[int, int], seed: int) -> Iterator[Move]:
    """Yield the moves of an image's patches: rolled along both sides, crowded, permuted, all alike.

    Example:
        >>> [f"{move.name} {move.amount}" for move in grid_moves((4, 4), 0)][:3]
        ['rolled 1', 'rolled 2', 'crowded 2']
    """
    height, width = grid
    unmoved = np.arange(height * width).reshape(grid)
    shift = 1
    while shift <= min(grid) // 2:
        yield Move("rolled", shift, np.roll(unmoved, (-shift, -shift), (0, 1)).ravel())
        shift *= 2
    for factor in CROWDS:
        if factor <= min(grid):
            rows, columns = np.arange(height) // factor, np.arange(width) // factor
            yield Move("crowded", factor, unmoved[rows][:, columns].ravel())
    yield from _without_order(height * width, seed)


def _without_order(count: int, seed: int) -> Iterator[Move]:
    yield Move("permuted", None, generator("behavior", "permuted", seed).permutation(count))
    yield Move("mean row", None, None)
    yield Move("row 0", None, np.zeros(count, dtype=np.int64))
    yield RandomRows(count=count, seed=seed)
