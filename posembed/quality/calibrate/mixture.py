"""Two training objectives at once, with a weight."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import Objective


@dataclass(frozen=True)
class Mixture:
    """The weighted sum of two losses, of a training step and of the validation.

    Attributes:
        first: has the weight ``1 − weight``.
        second: has the weight ``weight``.
        weight: from 0 to 1.
    """

    first: Objective
    second: Objective
    weight: float

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the weighted gradients of both; return the weighted loss."""
        total = 0.0
        for objective, share in ((self.first, 1 - self.weight), (self.second, self.weight)):
            before = [None if each.grad is None else each.grad.clone() for each in table.parameters()]
            table.zero_grad()
            total += share * objective.backward(table, step)
            for each, earlier in zip(table.parameters(), before, strict=True):
                if each.grad is None:
                    each.grad = earlier
                else:
                    each.grad = share * each.grad + (0 if earlier is None else earlier)
        return total

    def validate(self, table: Tensor) -> float:
        """Return the weighted loss of both on validation inputs."""
        return (1 - self.weight) * self.first.validate(table) + self.weight * self.second.validate(table)

    def halve(self) -> bool:
        """Let both read half as many inputs at once; return ``False`` where both read one."""
        return any([self.first.halve(), self.second.halve()])

    def tokens(self, step: int) -> int:
        """Return the number of tokens of a step's inputs of both."""
        return self.first.tokens(step) + self.second.tokens(step)
