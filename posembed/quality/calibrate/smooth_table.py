"""A calibrated table whose change is smooth over positions: little text cannot tear its rows apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posembed.quality.calibrate.table import CalibratedTable


class SmoothTable(CalibratedTable):
    """A table whose trainable rows are ``start + shift + spline``, the first of them with a vector of its own.

    ``shift`` is one vector for all trainable rows, ``first`` is added to the first of them, where models mark the
    beginning of their input, and ``rows`` holds the knots of a linear spline over the first ``span`` trainable rows.
    Later rows take the value of the last knot: training inputs do not reach them. All three start at zero.

    Args:
        start: ``[rows, d_model]`` at the start of training; never changed.
        frozen: leading rows that never change, reserved rows included.
        knots: of the spline, at least 2.
        span: trainable rows between the first knot and the last one.
        restored: leading rows that :meth:`written` takes from ``start``, whatever was trained; by default ``frozen``.

    Example:
        >>> table = SmoothTable(torch.zeros(6, 1), frozen=1, knots=2, span=3)
        >>> with torch.no_grad():
        ...     _ = table.rows[1].fill_(1.0)
        >>> table()[:, 0].tolist()
        [0.0, 0.0, 0.5, 1.0, 1.0, 1.0]
    """

    before: Tensor
    share: Tensor

    def __init__(self, start: Tensor, *, frozen: int, knots: int, span: int, restored: int | None = None) -> None:
        super().__init__(start, frozen=frozen, period=1, restored=restored)
        place = torch.arange(len(start) - frozen, device=start.device).clamp(max=span - 1) * (knots - 1) / (span - 1)
        before = place.floor().long().clamp(max=knots - 2)
        self.register_buffer("before", before, persistent=False)
        self.register_buffer("share", (place - before)[:, None].float(), persistent=False)
        self.first = nn.Parameter(torch.zeros_like(self.shift))
        self.rows = nn.Parameter(torch.zeros(knots, start.shape[1], device=start.device))

    @property
    def shared(self) -> list[nn.Parameter]:
        """The parameters that move with the rate of what rows share."""
        return [self.shift, self.first]

    def forward(self) -> Tensor:
        """Return the table that training reads, float32 ``[rows, d_model]``."""
        spline = torch.lerp(self.rows[self.before], self.rows[self.before + 1], self.share)
        trained = self.start[self.frozen :] + self.shift + spline
        return torch.cat((self.start[: self.frozen], trained[:1] + self.first, trained[1:]))
