"""How much memory an extension takes: known from shapes alone, before anything is computed."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator

from posembed.checkpoint.source import Checkpoint
from posembed.extension.buffers import DependentBuffer
from posembed.extension.table_change import TableChange
from posembed.memory import beyond_memory
from posembed.tables.extend import working_bytes

_READ_BACK = 3  # arrays of a tensor's size that are alive while it is read back: what was written, what is read, bytes


def beyond_memory_reasons(
    checkpoint: Checkpoint, changes: Collection[TableChange], buffers: Collection[DependentBuffer]
) -> Iterator[str]:
    """Yield a sentence if the new tables and buffers do not fit into memory.

    Args:
        checkpoint: whose tensors change.
        changes: the tables that change.
        buffers: the buffers that depend on them.
    """
    shapes = {change.table.key: change.shape for change in changes}
    working = [working_bytes(shape, _itemsize(checkpoint, key)) for key, shape in shapes.items()]
    shapes |= {buffer.key: buffer.new_shape for buffer in buffers}
    sizes = {key: math.prod(shape) * _itemsize(checkpoint, key) for key, shape in shapes.items()}
    if not sizes:
        return
    needed = sum(sizes.values()) + max(*working, *(_READ_BACK * size for size in sizes.values()), 0)
    if why := beyond_memory(needed):
        largest = max(sizes, key=lambda key: sizes[key])
        shape = " × ".join(map(str, shapes[largest]))
        yield f"it needs {why}; the largest tensor, {largest}, would be {shape}: choose a smaller size"


def _itemsize(checkpoint: Checkpoint, key: str) -> int:
    """Return the bytes of one value: dtypes have their bits in their names, but for BOOL."""
    tensor = checkpoint.tensors.get(key)
    bits = re.search(r"\d+", tensor.dtype) if tensor is not None else None
    return max(int(bits.group()) // 8, 1) if bits is not None else 1
