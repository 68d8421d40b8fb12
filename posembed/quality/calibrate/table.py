"""The one thing that calibration trains: the rows of a position table that are not kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class CalibratedTable(nn.Module):
    """A table whose leading rows are frozen and whose other rows are ``start + shift + rows``.

    ``shift`` is one vector for all trainable rows: what is common to every gradient is learned there, quickly and with
    little noise. ``rows`` are differences of individual rows; rows a ``period`` apart share theirs, so that short
    training inputs reach the whole table. Both start at zero.

    Args:
        start: ``[rows, d_model]`` at the start of training; never changed.
        frozen: leading rows that never change, reserved rows included.
        period: of the differences.
        restored: leading rows that :meth:`written` takes from ``start``, whatever was trained; by default ``frozen``.

    Example:
        >>> table = CalibratedTable(torch.zeros(6, 2), frozen=2, period=3)
        >>> with torch.no_grad():
        ...     _ = table.rows[0].fill_(1.0)
        >>> table()[:, 0].tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    """

    start: Tensor
    index: Tensor

    def __init__(self, start: Tensor, *, frozen: int, period: int, restored: int | None = None) -> None:
        super().__init__()
        trainable = len(start) - frozen
        self.frozen = frozen
        self.restored = frozen if restored is None else restored
        self.register_buffer("start", start.detach().float().clone(), persistent=False)
        self.register_buffer("index", torch.arange(trainable, device=start.device) % period, persistent=False)
        self.shift = nn.Parameter(torch.zeros(start.shape[1], device=start.device))
        self.rows = nn.Parameter(torch.zeros(min(period, trainable), start.shape[1], device=start.device))

    @property
    def shared(self) -> list[nn.Parameter]:
        """The parameters that move with the rate of what rows share."""
        return [self.shift]

    def forward(self) -> Tensor:
        """Return the table that training reads, float32 ``[rows, d_model]``."""
        trained = self.start[self.frozen :] + self.shift + self.rows[self.index]
        return torch.cat((self.start[: self.frozen], trained))

    @contextmanager
    def as_leaf(self) -> Iterator[Tensor]:
        """Yield the rows that training reads as a leaf; at the end its gradient is passed on to the parameters, once.

        Several backward passes of a step then cost one of the table, however its rows are made.
        """
        weight = self()
        leaf = weight.detach().requires_grad_()
        yield leaf
        weight.backward(leaf.grad)

    def written(self) -> Tensor:
        """Return the table that is validated and written: the same, its leading rows restored."""
        return torch.cat((self.start[: self.restored], self()[self.restored :]))
