"""What each kind of saved buffer means: its names, the table that it depends on, and its values at another length."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.tables.resample import resize_grid

Shape = tuple[int, ...]

ROUNDING = 2.0**-8
"""Relative error up to which position numbers in floating point count as rounded and are repaired.

It is the unit roundoff of bfloat16 (8 significant bits), the coarsest dtype that merging tools cast buffers to. A
number that is further off was not rounded: it means something else.
"""


MASK_VALUES = 2
"""A mask lets a pair of positions attend or not. More values are a bias such as ALiBi's, which goes on falling."""


class BufferRule(ABC):
    """One kind of buffer.

    Attributes:
        what: its name in plans and records.
        names: pattern of the keys.
        axes: how many last axes have the table's length.
    """

    what: ClassVar[str]
    names: ClassVar[re.Pattern[str]]
    axes: ClassVar[int] = 1

    @abstractmethod
    def fits(self, shape: Shape) -> bool:
        """Return whether such a buffer can have this shape."""

    def length(self, shape: Shape) -> int:
        """Return the axis that has the table's length."""
        return shape[-1]

    def table(self, key: str, shape: Shape, tables: Sequence[FoundTable]) -> FoundTable | None:
        """Return the table that the buffer depends on: of the right length, its key the closest to the buffer's."""
        length = self.length(shape)
        return nearest(key, [t for t in tables if length in (t.layout.rows, t.layout.usable_length)])

    def shape_for(self, key: str, shape: Shape, old: TableLayout, new: TableLayout) -> Shape:  # noqa: ARG002
        """Return the buffer's shape once its table has another layout."""
        more, fixed = new.rows - old.rows, len(shape) - self.axes
        return (*shape[:fixed], *(n + more for n in shape[fixed:]))

    @abstractmethod
    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:
        """Return the values at the new shape.

        Raises:
            CheckpointError: if the values lack the pattern that the name promises, so that they cannot be continued.
        """


class PerPosition(BufferRule):
    """A buffer with one number per position: in a row, or in any number of equal rows, ``[1, 1, n]`` or ``[n, 1]``."""

    def fits(self, shape: Shape) -> bool:
        """Return whether one axis can be the positions: of any rank."""
        return any(size > 1 for size in shape)

    def length(self, shape: Shape) -> int:
        """Return the last axis of more than one number."""
        return shape[_axis(shape)]

    def shape_for(self, key: str, shape: Shape, old: TableLayout, new: TableLayout) -> Shape:  # noqa: ARG002
        """Return the shape with the table's new rows."""
        axis = _axis(shape)
        return (*shape[:axis], shape[axis] + new.rows - old.rows, *shape[axis + 1 :])


class PositionNumbers(PerPosition):
    """``position_ids``: 0, 1, 2, …, or from another first number on."""

    what = "position numbers"
    names = re.compile(r"(?:^|[._])(?<!relative_)(?<!rel_)(?:position|pos)_(?:ids?|idx|indices)$|\.positions$")

    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:
        """Count on; numbers that a narrow dtype has rounded are repaired."""
        length = self.length(values.shape)
        flat = values.reshape(-1, length)
        wide = flat.astype(np.float64)
        first = np.rint(wide[0, 0])
        expected = first + np.arange(length)
        tolerance = 0.0 if values.dtype.kind in "iu" else np.abs(expected) * ROUNDING
        if not (np.abs(wide - expected) <= tolerance).all():
            raise CheckpointError(
                f"{file}: {key} should count 0, 1, 2, … and does not (it starts {flat[0, :4].tolist()}): "
                "repair or remove that buffer first"
            )
        new = first + np.arange(self.length(shape))
        with np.errstate(over="ignore", invalid="ignore"):  # what does not come back is refused below
            held = new.astype(values.dtype)
        if not (held.astype(np.float64) == new).all():
            raise CheckpointError(
                f"{file}: {key} is stored as {values.dtype}, which cannot hold every number below {len(new)}: "
                "remove that buffer (Transformers computes it when it loads the model)"
            )
        return np.broadcast_to(held, (flat.shape[0], len(held))).reshape(shape).copy()


class TokenTypes(PerPosition):
    """``token_type_ids``: one token type throughout."""

    what = "token types"
    names = re.compile(r"(?:^|[._])(?:token_type|segment)_ids$")

    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:
        """Repeat the one type."""
        if not (values == values.flat[0]).all():
            raise CheckpointError(f"{file}: {key} should hold one token type throughout and does not")
        return np.full(shape, values.flat[0], values.dtype)


class AttentionMask(BufferRule):
    """A square mask of attention that depends on the distance alone (causal, or causal within a window).

    Its values are any two: true and false, 1 and 0, 0 and −∞ or −10,000; it may be the upper or the lower triangle, of
    any rank.
    """

    what = "attention mask"
    names = re.compile(r"(?:^|[._])(?:bias|masks?|tril|triu|causal)$")
    axes = 2

    def fits(self, shape: Shape) -> bool:
        """Return whether the last two axes are a square."""
        return len(shape) > 1 and shape[-1] == shape[-2] > 1

    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:
        """Continue the mask: every new pair of positions gets the value of an old pair at the same distance."""
        old, new = values.shape[-1], shape[-1]
        plane = values.reshape(-1, old, old)[0]
        below, above = plane[:, 0], plane[0, :]  # by distance i − j ≥ 0, and j − i ≥ 0
        distance = np.arange(old)[:, None] - np.arange(old)[None, :]
        pattern = np.where(distance >= 0, below[np.maximum(distance, 0)], above[np.maximum(-distance, 0)])
        if not (values.reshape(-1, old, old) == pattern).all():
            raise CheckpointError(
                f"{file}: {key} does not depend on the distance alone, so its values at length {new} are unknown"
            )
        if len(np.unique(np.concatenate([below, above]))) > MASK_VALUES:
            raise CheckpointError(
                f"{file}: {key} has another value at every distance, so it is no mask and its values at length {new} "
                "are unknown"
            )
        far = np.minimum(np.arange(new), old - 1)
        line = np.concatenate([below[far[:0:-1]], above[far]])  # by j − i, from 1 − new on: every row is a part of it
        grown = np.lib.stride_tricks.sliding_window_view(line, new)[::-1]
        return np.broadcast_to(grown, shape).copy()


class QuantizedCopy(BufferRule):
    """``weight_integer``: I-BERT's quantized copy of the table beside it."""

    what = "quantised copy"
    names = re.compile(r"weight_integer$")

    def fits(self, shape: Shape) -> bool:
        """Return whether it is a matrix."""
        return len(shape) == 2

    def length(self, shape: Shape) -> int:
        """Return the number of rows."""
        return shape[0]

    def table(self, key: str, shape: Shape, tables: Sequence[FoundTable]) -> FoundTable | None:
        """Return the table of the same module."""
        module = key.rpartition(".")[0]
        return super().table(key, shape, [t for t in tables if t.key.rpartition(".")[0] == module])

    def shape_for(self, key: str, shape: Shape, old: TableLayout, new: TableLayout) -> Shape:  # noqa: ARG002
        """Return the shape with the table's new rows."""
        return (shape[0] + new.rows - old.rows, *shape[1:])

    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:  # noqa: ARG002
        """Fill new rows with zeros: I-BERT computes the copy before it reads it."""
        grown = np.zeros(shape, values.dtype)
        kept = min(len(values), len(grown))
        grown[:kept] = values[:kept]
        return grown


class RelativePositions(BufferRule):
    """``rel_pos_h`` and ``rel_pos_w`` of SAM: one row per distance along a side of the grid."""

    what = "relative positions"
    names = re.compile(r"rel_pos_[hw]$")

    def fits(self, shape: Shape) -> bool:
        """Return whether it is a matrix."""
        return len(shape) == 2

    def table(self, key: str, shape: Shape, tables: Sequence[FoundTable]) -> FoundTable | None:
        """Return the grid whose side it covers; layers that attend within windows have fewer rows and are unchanged."""
        near = [t for t in tables if "." not in t.key or common_parts(key, t.key)]  # of the same tower
        return nearest(key, [t for t in near if t.layout.grid and shape[0] == 2 * _side(key, t.layout) - 1])

    def shape_for(self, key: str, shape: Shape, old: TableLayout, new: TableLayout) -> Shape:  # noqa: ARG002
        """Return the shape with one row per distance of the new side."""
        return (2 * _side(key, new) - 1, *shape[1:])

    def extend(self, key: str, values: Array, shape: Shape, file: object) -> Array:  # noqa: ARG002
        """Interpolate linearly, as SAM's own code does for another size."""
        wide = resize_grid(values.astype(np.float32)[:, None], (shape[0], 1), mode="bilinear")
        return np.asarray(wide[:, 0].astype(values.dtype))


BUFFER_RULES: tuple[BufferRule, ...] = (
    PositionNumbers(),
    TokenTypes(),
    AttentionMask(),
    QuantizedCopy(),
    RelativePositions(),
)
"""Every kind of buffer; the first whose names and shape fit is believed."""


def nearest(key: str, tables: Sequence[FoundTable]) -> FoundTable | None:
    """Return the table whose key shares the longest start with ``key``."""
    return max(tables, key=lambda table: common_parts(key, table.key), default=None)


def common_parts(one: str, other: str) -> int:
    """Return how many dotted parts two keys have in common from the start.

    Example:
        >>> common_parts("vision.layers.0.bias", "vision.layers.1.bias")
        2
    """
    same = 0
    for left, right in zip(one.split("."), other.split("."), strict=False):
        if left != right:
            break
        same += 1
    return same


def _side(key: str, layout: TableLayout) -> int:
    """The grid's height for ``rel_pos_h``, its width for ``rel_pos_w``."""
    assert layout.grid is not None
    return layout.grid[0 if key.endswith("h") else 1]


def _axis(shape: Shape) -> int:
    """The last axis with more than one number."""
    return max(axis for axis, size in enumerate(shape) if size > 1)
