"""Saved buffers that have a table's length: position numbers, token types, causal masks. They must change with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.tables.resample import resize_grid

What = Literal["position numbers", "token types", "attention mask", "quantised copy", "relative positions"]

_NUMBERS = re.compile(r"(?:^|[._])position_ids$|\.positions$")
_TYPES = re.compile(r"(?:^|[._])token_type_ids$")
_MASK = re.compile(
    r"(?:^|\.)(?:attn|attention|self_attn|self_attention)\.(?:\w+\.)?bias$|(?:causal|attn|attention)_mask$"
)
_DISTANCES = re.compile(r"rel_pos_[hw]$")
_QUANTISED = re.compile(r"weight_integer$")


@dataclass(frozen=True, slots=True)
class Companion:
    """A buffer that follows a table.

    Attributes:
        key: its name in the file.
        what: its meaning.
        table: the key of the table.
        shape: as it is.
        new_shape: as it will be.
    """

    key: str
    what: What
    table: str
    shape: tuple[int, ...]
    new_shape: tuple[int, ...]


def find_companions(
    tensors: Mapping[str, StoredTensor], tables: Iterable[FoundTable], layouts: Mapping[str, TableLayout]
) -> list[Companion]:
    """The buffers that follow some tables.

    Args:
        tensors: all tensors of the checkpoint.
        tables: its position tables.
        layouts: the new layout of each table that changes.
    """
    tables = [table for table in tables if table.refused is None]
    found: list[Companion] = []
    for key, tensor in tensors.items():
        what = _meaning(key, tensor)
        if what is None:
            continue
        table = _governing(key, tensor, what, tables)
        if table is None or table.key not in layouts:
            continue
        new = layouts[table.key]
        more = new.rows - table.layout.rows
        places = 2 if what == "attention mask" else 1
        shape = tensor.shape
        if what == "relative positions":
            new_shape = (2 * _side(key, new) - 1, *shape[1:])
        elif what == "quantised copy":
            new_shape = (shape[0] + more, *shape[1:])
        else:
            new_shape = (*shape[:-places], *(n + more for n in shape[len(shape) - places :]))
        found.append(Companion(key, what, table.key, shape, new_shape))
    return found


def _meaning(key: str, tensor: StoredTensor) -> What | None:
    shape = tensor.shape
    if _NUMBERS.search(key) and len(shape) in (1, 2):
        return "position numbers"
    if _TYPES.search(key) and len(shape) in (1, 2):
        return "token types"
    if _MASK.search(key) and len(shape) in (2, 3, 4) and shape[-1] == shape[-2] > 1:
        return "attention mask"
    if _QUANTISED.search(key) and len(shape) == 2:
        return "quantised copy"
    if _DISTANCES.search(key) and len(shape) == 2:
        return "relative positions"
    return None


def _governing(key: str, tensor: StoredTensor, what: What, tables: list[FoundTable]) -> FoundTable | None:
    """The table of the right length whose key shares the longest beginning with the buffer's."""
    if what == "relative positions":  # of attention over the whole grid: layers of windows keep theirs
        near = [t for t in tables if "." not in t.key or _shared(key, t.key)]  # of the same tower
        fitting = [t for t in near if t.layout.grid and tensor.shape[0] == 2 * _side(key, t.layout) - 1]
        return max(fitting, key=lambda table: _shared(key, table.key), default=None)
    length = tensor.shape[0] if what == "quantised copy" else tensor.shape[-1]
    fitting = [t for t in tables if length in (t.layout.rows, t.layout.usable_length)]
    if what == "quantised copy":
        fitting = [t for t in fitting if t.key.rsplit(".", 1)[0] == key.rsplit(".", 1)[0]]
    return max(fitting, key=lambda table: _shared(key, table.key), default=None)


def _side(key: str, layout: TableLayout) -> int:
    """The grid's height for ``rel_pos_h``, its width for ``rel_pos_w``."""
    assert layout.grid is not None
    return layout.grid[0 if key.endswith("h") else 1]


def _shared(a: str, b: str) -> int:
    same = 0
    for left, right in zip(a.split("."), b.split("."), strict=False):
        if left != right:
            break
        same += 1
    return same


def lengthen(companion: Companion, values: Array, file: object) -> Array:
    """The buffer's values at its new length.

    Args:
        companion: what the buffer is.
        values: as it stands in the file.
        file: for messages.

    Raises:
        CheckpointError: if the values do not have the pattern that their name promises, so that nobody can know how
            they go on.
    """
    if not values.size:
        raise CheckpointError(
            f"{file}: {companion.key} has the shape {list(values.shape)}, so no values: drop it first"
        )
    if companion.what == "position numbers":
        return _numbers(companion, values, file)
    if companion.what == "token types":
        return _constant(companion, values, file)
    if companion.what == "attention mask":
        return _mask(companion, values, file)
    if companion.what == "relative positions":  # linear, as SAM's own code does for another size
        wide = resize_grid(values.astype(np.float32)[:, None], (companion.new_shape[0], 1), mode="bilinear")
        return np.asarray(wide[:, 0].astype(values.dtype))
    grown = np.zeros(companion.new_shape, values.dtype)  # ibert computes it anew before it reads it
    kept = min(len(values), len(grown))
    grown[:kept] = values[:kept]
    return grown


def _numbers(companion: Companion, values: Array, file: object) -> Array:
    flat = values.reshape(-1, values.shape[-1])
    wide = flat.astype(np.float64)
    first = np.rint(wide[0, 0])
    expected = first + np.arange(values.shape[-1])
    # Merged and half-precision checkpoints round these numbers: within half a unit in the last place they are repaired.
    tolerance = 0.0 if values.dtype.kind in "iu" else np.abs(expected) * 2.0**-8
    if not (np.abs(wide - expected) <= tolerance).all():
        raise CheckpointError(
            f"{file}: {companion.key} should count 0, 1, 2, … and does not (it starts {flat[0, :4].tolist()}): "
            "mend or drop that buffer first"
        )
    new = first + np.arange(companion.new_shape[-1])
    with np.errstate(over="ignore", invalid="ignore"):  # whatever does not come back is refused
        held = new.astype(values.dtype)
    if not (held.astype(np.float64) == new).all():
        raise CheckpointError(
            f"{file}: {companion.key} is stored as {values.dtype}, which cannot hold every number below "
            f"{companion.new_shape[-1]}: drop that buffer (Transformers makes it anew)"
        )
    return np.broadcast_to(held, companion.new_shape).copy()


def _constant(companion: Companion, values: Array, file: object) -> Array:
    if not (values == values.flat[0]).all():
        raise CheckpointError(f"{file}: {companion.key} should hold one token type throughout and does not")
    return np.full(companion.new_shape, values.flat[0], values.dtype)


def _mask(companion: Companion, values: Array, file: object) -> Array:
    """Go on with a mask that depends on the distance alone (causal, or causal within a window)."""
    old, new = values.shape[-1], companion.new_shape[-1]
    plane = values.reshape(-1, old, old)[0]
    below, above = plane[:, 0], plane[0, :]  # by distance i − j ≥ 0, and j − i ≥ 0
    distance = np.arange(old)[:, None] - np.arange(old)[None, :]
    pattern = np.where(distance >= 0, below[np.maximum(distance, 0)], above[np.maximum(-distance, 0)])
    if not (values.reshape(-1, old, old) == pattern).all():
        raise CheckpointError(
            f"{file}: {companion.key} is no mask by distance, so nobody can know how it goes on at length {new}"
        )
    distance = np.arange(new)[:, None] - np.arange(new)[None, :]
    last = old - 1
    grown = np.where(distance >= 0, below[np.clip(distance, 0, last)], above[np.clip(-distance, 0, last)])
    return np.broadcast_to(grown, companion.new_shape).astype(values.dtype)
