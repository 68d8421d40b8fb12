"""Count how often the positions of one table have a gradient, and measure their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from posembed.errors import InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.find.stored_layout import ChannelsFirstGrid, LayeredRows, PairedRows, StoredLayout
from posembed.tables.trained_range import range_of

Norms = NDArray[np.float32]


@dataclass(frozen=True)
class RowNorms:
    """Norms of a table's rows, ``[positions]`` in all; rows that are not finite are left out.

    Attributes:
        trained: norms of positions that have had a gradient.
        untrained: norms of the other positions.
        not_finite: number of positions whose row holds NaN or an infinity.
    """

    trained: Norms
    untrained: Norms
    not_finite: int


class RowCounts:
    """Count in how many optimizer steps each position of a table had a gradient.

    Reserved rows and those of class tokens are no positions, and are not counted.

    Args:
        table: what the parameter was found to be; its key is the parameter's name.
        parameter: the table in the model.

    Attributes:
        table: what the parameter was found to be.
        steps: number of steps in which the table had a gradient at all.

    Example:
        >>> from posembed import LearnedPositionalEmbedding
        >>> from posembed.extension.live import learned_tables
        >>> module = LearnedPositionalEmbedding(4, 8)
        >>> counts = RowCounts(learned_tables(module)[0], module.weight)
        >>> module(3).sum().backward()
        >>> counts.step()
        >>> counts.counts().tolist()
        [1, 1, 1, 0]
    """

    def __init__(self, table: FoundTable, parameter: nn.Parameter) -> None:
        self.table = table
        self.steps = 0
        self._parameter = parameter
        self._counts = torch.zeros(table.layout.positions, dtype=torch.int64, device=parameter.device)

    @property
    def name(self) -> str:
        """Name of the parameter in the model."""
        return self.table.key

    @property
    def frozen(self) -> bool:
        """Whether the parameter does not ask for gradients."""
        return not self._parameter.requires_grad

    @torch.no_grad()
    def step(self) -> None:
        """Count the positions whose rows have a gradient now; the host does not wait for the device.

        A row counts if its gradient is finite and not zero: mixed precision skips a step with infinite gradients.
        """
        gradient = self._parameter.grad
        if gradient is None:
            return
        if self._counts.device != gradient.device:  # the model was moved after this object was made
            self._counts = self._counts.to(gradient.device)
        size = _largest_of_sparse(gradient) if gradient.is_sparse else self._rows(gradient).abs().amax(dim=1)
        size = size[self.table.layout.position_rows]
        self._counts += (size > 0) & (size < torch.inf)
        self.steps += 1

    def counts(self) -> NDArray[np.int64]:
        """Return the number of steps in which each position had a gradient, ``[positions]``."""
        counts: NDArray[np.int64] = self._counts.cpu().numpy().copy()
        return counts

    def norms(self) -> RowNorms:
        """Return the norms of the table's rows as they are now."""
        rows = self._position_rows()
        norms = torch.linalg.vector_norm(rows, dim=1).cpu().numpy()
        finite, trained = np.isfinite(norms), self.counts() > 0
        return RowNorms(norms[finite & trained], norms[finite & ~trained], int((~finite).sum()))

    def trained_range(self) -> int | None:
        """Return how many leading positions look trained, from the table alone; ``None`` where it does not show.

        It is what ``posembed inspect`` shows, and needs no counts.
        """
        rows = self._position_rows().cpu().numpy()
        if not np.isfinite(rows).all():
            return None
        found = range_of(rows, self.table.layout)
        return len(rows) if found.verdict == "whole" else found.end

    def state_dict(self) -> dict[str, object]:
        """Return the counts as plain values for JSON."""
        return {"steps": self.steps, "counts": self.counts().tolist()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Continue from counts that :meth:`state_dict` returned.

        Raises:
            InvalidArgumentError: if they belong to a table with another number of positions, or are no counts.
        """
        steps, counts = state.get("steps"), state.get("counts")
        if not isinstance(steps, int) or not isinstance(counts, list) or len(counts) != len(self._counts):
            given = f"{len(counts)} positions" if isinstance(counts, list) else "no list of counts"
            raise InvalidArgumentError(
                f"state of {self.name}: {given}, but the table has {len(self._counts)} positions: start a new count"
            )
        self.steps = steps
        self._counts = torch.tensor(counts, dtype=torch.int64, device=self._parameter.device)

    def _position_rows(self) -> Tensor:
        """Return the rows of the positions in float32, ``[positions, …]``."""
        return self._rows(self._parameter.detach())[self.table.layout.position_rows].float()

    def _rows(self, values: Tensor) -> Tensor:
        if isinstance(values, DTensor):  # FSDP2 shares the rows out; every process calls this
            values = values.full_tensor()
        return as_rows(values, self.table.stored)


def as_rows(values: Tensor, stored: StoredLayout) -> Tensor:
    """Return a stored table as a matrix with one row per row of the table.

    A tensor that holds several tables (one per layer or coordinate) has them side by side.

    Example:
        >>> from posembed.find.stored_layout import read_shape
        >>> as_rows(torch.zeros(6, 1, 16, 8), read_shape((6, 1, 16, 8)).stored).shape
        torch.Size([16, 48])
    """
    if isinstance(stored, ChannelsFirstGrid):
        values = values.movedim(1, -1)
    if isinstance(stored, PairedRows | LayeredRows):
        return values.reshape(values.shape[0], -1, values.shape[-1]).transpose(0, 1).flatten(1)
    return values.reshape(-1, values.shape[-1])


def _largest_of_sparse(gradient: Tensor) -> Tensor:
    """Return the largest absolute number of each row, of a gradient that holds the rows that were read alone."""
    gradient = gradient.coalesce()
    rows = gradient.indices()[0]
    size = torch.zeros(gradient.shape[0], dtype=gradient.dtype, device=gradient.device)
    size[rows] = gradient.values().abs().amax(dim=1)
    return size
