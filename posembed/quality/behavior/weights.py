"""The weight matrices of a loaded model that were trained together with a table."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posembed.checkpoint.formats.pickle.torch_arrays import to_numpy
from posembed.quality.behavior.live_table import LiveTable
from posembed.tables.trained_range.thresholds import LEAST_MATRIX_ROWS

MOST_MATRICES = 24
"""Matrices at most: those of the first layers read the rows first."""
MOST_WORK = 40 * 512**3
"""Cubed widths of all matrices, which is what their eigenvalues cost: some 5 s on one core."""
MOST_VECTORS = 8192
"""Rows of a matrix that are read at most, evenly spread: of a vocabulary, more change nothing."""


def weights_beside(live: LiveTable) -> list[NDArray[np.float32]]:
    """Return the matrices of a model that read or write vectors as wide as a table's rows.

    Those whose module shares most of its name with the table's come first, for a model may have several towers. Other
    position tables are left out.

    Args:
        live: the table in its model.
    """
    width = live.positions.shape[1]
    found = [
        (name, tensor)
        for name, tensor in live.model.named_parameters()
        if tensor.dim() == 2 and width in tensor.shape and min(tensor.shape) >= LEAST_MATRIX_ROWS
        if name != live.name and not _is_table(name)
    ]
    found.sort(key=lambda pair: -_shared(pair[0], live.name))
    count = min(MOST_MATRICES, MOST_WORK // width**3)
    return [to_numpy(_thinned(tensor)).astype(np.float32) for _, tensor in found[:count]]


def _shared(name: str, other: str) -> int:
    """Return how many modules from the top two names share.

    Example:
        >>> _shared("model.decoder.layers.0.fc1.weight", "model.decoder.embed_positions.weight")
        2
    """
    pairs = zip(name.split("."), other.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _is_table(name: str) -> bool:
    return any(part in name.lower() for part in ("position", "pos_emb", "wpe"))


def _thinned(tensor: Tensor) -> Tensor:
    step = -(-len(tensor) // MOST_VECTORS)
    return tensor.detach()[::step].contiguous()
