"""A loaded model with a longer table, whose rows are replaced for each candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from posembed.extension.live import extend_in_place
from posembed.find.found import FoundTable
from posembed.quality.models.position_table import parameter_name
from posembed.tables.extend import extend_table
from posembed.tables.registry import find_method


class LongerTable:
    """The position table of a loaded model, extended once; rows are then written into it.

    Args:
        model: a Transformers model, which is changed.
        table: the table as found in the model's checkpoint.
        length: positions of the longer table.
    """

    def __init__(self, model: Any, table: FoundTable, length: int) -> None:
        self.table, self.length = table, length
        name = parameter_name(model, table)
        self.old = model.get_parameter(name).detach().clone().cpu().numpy()
        extend_in_place(model, length, method="tile")  # sizes, buffers and configuration
        self.weight = model.get_parameter(name).detach()

    @property
    def usable_length(self) -> int:
        """Positions of the old table."""
        return self.table.usable_length

    @property
    def positions(self) -> NDArray[Any]:
        """The old rows of the positions alone, ``[usable_length, d_model]``."""
        rows: NDArray[Any] = self.old[self.table.layout.position_rows]
        return rows

    def restore(self) -> None:
        """Write the old rows, for inputs that reach no others."""
        self.weight[: len(self.old)] = torch.from_numpy(self.old)

    def put(self, method: str, options: Mapping[str, Any]) -> int:
        """Write the rows that a method makes, and return how many leading positions keep theirs."""
        new = extend_table(self.old, self.length, method=method, layout=self.table.layout, **options)
        self.weight.copy_(torch.from_numpy(new))
        return self.kept(method, options)

    def kept(self, method: str, options: Mapping[str, Any]) -> int:
        """Return how many leading positions keep their rows."""
        chosen = find_method(method, self.table.layout)
        return chosen.kept_from_start(self.usable_length, self.length, **options)
