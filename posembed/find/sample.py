"""Some rows of a stored table, without reading the rest."""

from __future__ import annotations

import numpy as np

from posembed.checkpoint.formats.safetensors.edit import read_values
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array

ROW_NUMBERS = 1 << 22  # no more than this many numbers are read


def leading_rows(checkpoint: Checkpoint, key: str, rows: int) -> Array | None:
    """The first rows of a table as ``[n, d_model]``, or ``None`` where they cannot be told apart cheaply."""
    tensor = checkpoint.tensors[key]
    header = checkpoint.headers.get(tensor.file)
    shape = tensor.shape
    if len(shape) == 2 and rows * shape[1] <= ROW_NUMBERS and header is not None:
        return read_values(header, key, slice(0, rows))
    if len(shape) > 3 or int(np.prod(shape)) > ROW_NUMBERS:
        return None
    values = checkpoint.read(key)
    return values.reshape(-1, shape[-1])[:rows]
