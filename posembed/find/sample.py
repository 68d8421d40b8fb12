"""Some rows of a stored table, without reading the rest."""

from __future__ import annotations

import math

from posembed.checkpoint.formats.safetensors.edit import read_values
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array
from posembed.find.families import weights


def leading_rows(checkpoint: Checkpoint, key: str, rows: int) -> Array | None:
    """Return the first rows of a table as ``[n, d_model]``, or ``None`` if they cannot be read cheaply.

    Args:
        checkpoint: the opened checkpoint.
        key: of a tensor that stores rows of one width.
        rows: how many at most; fewer if the table is shorter.
    """
    tensor = checkpoint.tensors[key]
    header = checkpoint.headers.get(tensor.file)
    shape = tensor.shape
    if len(shape) == 2 and rows * shape[1] <= weights.SAMPLE_NUMBERS and header is not None:
        return read_values(header, key, slice(0, rows))
    if len(shape) > 3 or math.prod(shape) > weights.SAMPLE_NUMBERS:
        return None
    values = checkpoint.read(key)
    return values.reshape(-1, shape[-1])[:rows]
