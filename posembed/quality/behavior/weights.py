"""The weight matrices of a loaded model that were trained together with a table."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posembed.checkpoint.formats.pickle.torch_arrays import to_numpy
from posembed.quality.behavior.live_table import LiveTable

MOST_MATRICES = 24
"""Matrices at most: those of the first layers read the rows first."""
MOST_WORK = 24 * 512**3
"""Cubed widths of all matrices, which is what their eigenvalues cost: some 4 s on one core."""
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
        if tensor.dim() == 2 and width in tensor.shape and name != live.name and not _is_table(name)
    ]
    found.sort(key=lambda pair: -len(os.path.commonprefix([pair[0], live.name])))
    count = min(MOST_MATRICES, MOST_WORK // width**3)
    return [to_numpy(_thinned(tensor)).astype(np.float32) for _, tensor in found[:count]]


def _is_table(name: str) -> bool:
    return any(part in name.lower() for part in ("position", "pos_emb", "wpe"))


def _thinned(tensor: Tensor) -> Tensor:
    step = -(-len(tensor) // MOST_VECTORS)
    return tensor.detach()[::step].contiguous()
