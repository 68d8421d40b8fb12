"""A candidate of a language model's search: one setting of a method, with the loss of every validation document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posembed.quality.search.proposals import described
from posembed.records.search import SweptCandidate

Outcomes = Mapping[int, NDArray[np.float64]]
"""By length, one loss per document, in nats per token."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One setting of a method, measured.

    Attributes:
        method: the method's name.
        options: of the method.
        kept: leading positions whose rows stay unchanged: inputs of at most that length do not change. With
            length-aware tables, the longest input that reads the old table.
        outcomes: by length, one loss per document.
    """

    method: str
    options: Mapping[str, object]
    kept: int
    outcomes: Outcomes

    @property
    def values(self) -> dict[int, float]:
        """The mean loss over documents, by length."""
        return means(self.outcomes)

    @property
    def worth(self) -> float:
        """The mean over the lengths, signed so that more is better."""
        return worth(self.values)

    @property
    def documents(self) -> int:
        """Largest number of documents behind a value."""
        return max(map(len, self.outcomes.values()))

    def with_short(self, short: int, baseline: Outcomes) -> Candidate:
        """Return the candidate as length-aware tables: inputs of up to ``short`` tokens read the old table.

        Args:
            short: longest input that reads the old table.
            baseline: outcomes of the old table.
        """
        outcomes = {length: baseline[length] if length <= short else own for length, own in self.outcomes.items()}
        return replace(self, kept=short, outcomes=outcomes)

    def record(self) -> SweptCandidate:
        """Return the candidate as it is stored."""
        return SweptCandidate(self.method, dict(self.options), self.kept, None, self.values, self.documents)

    def describe(self) -> str:
        """Return method, options and losses in words."""
        return f"{described(self.method, self.options)} {in_words(self.values)}"


def means(outcomes: Outcomes) -> dict[int, float]:
    """Return the mean loss by length."""
    return {length: float(each.mean()) for length, each in outcomes.items()}


def worth(values: Mapping[int, float]) -> float:
    """Return the mean over the lengths, signed so that more is better.

    Example:
        >>> worth({64: 2.0, 128: 3.0})
        -2.5
    """
    return -sum(values.values()) / len(values)


def in_words(values: Mapping[int, float]) -> str:
    """Return losses by length.

    Example:
        >>> in_words({128: 0.5, 64: 0.25})
        '0.250 at 64, 0.500 at 128'
    """
    return ", ".join(f"{value:.3f} at {length}" for length, value in sorted(values.items()))
