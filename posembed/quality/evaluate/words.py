"""How a difference is called in a verdict."""

from __future__ import annotations

from typing import Protocol

from posembed.statistics import SIGNIFICANCE


class Tested(Protocol):
    """A difference with a corrected p-value; above 0 is better."""

    @property
    def mean(self) -> float:
        """The mean difference."""

    @property
    def p_holm(self) -> float:
        """The corrected p-value."""


def significance(difference: Tested) -> str:
    """Return whether a difference is a significant gain, a significant loss, or neither."""
    if difference.p_holm >= SIGNIFICANCE:
        return "no significant difference"
    return "significant gain" if difference.mean > 0 else "significant loss"
