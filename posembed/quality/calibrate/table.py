"""The one thing that calibration trains: rows of a position table past those that stay as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CalibratedTable(nn.Module):
    """A table whose first rows are fixed and whose others are ``start + shift + rows``.

    ``shift`` is one vector for all of them: what is common to every gradient is learned there, quickly and with little
    noise. ``rows`` are differences of single rows; rows a ``period`` apart share theirs, so that short training inputs
    reach the whole table. Both begin at zero.

    Args:
        start: ``[rows, d_model]`` where training begins; never changed.
        fixed: first rows that never move, reserved rows included.
        period: of the differences.
        restored: first rows that are as at the start again in what is written, whatever moved in training; as many as
            are fixed if left out.

    Example:
        >>> table = CalibratedTable(torch.zeros(6, 2), fixed=2, period=3)
        >>> with torch.no_grad():
        ...     _ = table.rows[0].fill_(1.0)
        >>> table()[:, 0].tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    """

    start: Tensor
    index: Tensor

    def __init__(self, start: Tensor, *, fixed: int, period: int, restored: int | None = None) -> None:
        super().__init__()
        free = len(start) - fixed
        self.fixed = fixed
        self.restored = fixed if restored is None else restored
        self.register_buffer("start", start.detach().float().clone(), persistent=False)
        self.register_buffer("index", torch.arange(free, device=start.device) % period, persistent=False)
        self.shift = nn.Parameter(torch.zeros(start.shape[1], device=start.device))
        self.rows = nn.Parameter(torch.zeros(min(period, free), start.shape[1], device=start.device))

    def forward(self) -> Tensor:
        """What training reads, float32 ``[rows, d_model]``."""
        moved = self.start[self.fixed :] + self.shift + self.rows[self.index]
        return torch.cat((self.start[: self.fixed], moved))

    def written(self) -> Tensor:
        """What is validated and written: the same with the first rows as they were."""
        return torch.cat((self.start[: self.restored], self()[self.restored :]))
