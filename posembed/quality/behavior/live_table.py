"""The table of a checkpoint inside its loaded model, and rows that are exchanged for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from posembed.checkpoint.formats.pickle.torch_arrays import from_numpy, to_numpy
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.quality.behavior.moves import Move


class LiveTable:
    """A table of a loaded model whose rows can be exchanged.

    Writing rows into the table moves positions in every model, whether or not it takes position ids.

    Args:
        model: the loaded model.
        checkpoint: what it was loaded from.
        table: the table there.

    Raises:
        InvalidArgumentError: if no parameter of the model has the table's values, or several have.
    """

    def __init__(self, model: nn.Module, checkpoint: Checkpoint, table: FoundTable) -> None:
        self.model, self.table = model, table
        self.name, self.tensor = _find(model, table, from_numpy(checkpoint.read(table.key)))
        self._before = self.tensor.detach().clone()
        self._tables = table.stored.split(to_numpy(self._before))

    @property
    def positions(self) -> Array:
        """The rows of the positions, ``[positions, d_model]``: of the first layer, where each has a table."""
        return self._tables[0][self.table.layout.position_rows]

    @contextmanager
    def moved(self, move: Move) -> Iterator[None]:
        """Exchange rows while the body runs; the old ones are put back even if it fails."""
        changed = [move.apply(rows, self.table.layout) for rows in self._tables]
        values = from_numpy(np.array(self.table.stored.join(changed, tuple(self.tensor.shape))))
        try:
            with torch.no_grad():
                self.tensor.copy_(values)
            yield
        finally:
            with torch.no_grad():
                self.tensor.copy_(self._before)


def _find(model: nn.Module, table: FoundTable, stored: Tensor) -> tuple[str, Tensor]:
    """Find a table by its values: libraries rename what they load."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    alike = {name: tensor for name, tensor in tensors if tuple(tensor.shape) == tuple(stored.shape)}
    equal = {
        name: tensor for name, tensor in alike.items() if torch.equal(tensor.detach().cpu().float(), stored.float())
    }
    named = {name: tensor for name, tensor in equal.items() if _same_name(name, table.key)}
    found = named or equal
    if len(found) != 1:
        raise InvalidArgumentError(
            f"{type(model).__name__} has {len(found)} tensors with the values of {table.key}; exactly one is required"
        )
    return next(iter(found.items()))


def _same_name(name: str, key: str) -> bool:
    return name == key or name.endswith(f".{key}") or key.endswith(f".{name}")
