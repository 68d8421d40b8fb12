"""A candidate of a method search: one setting of a method, with the outcome of every validation document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posembed.quality.search.measure import Measure, in_words
from posembed.records.search import SweptCandidate

Outcomes = Mapping[int, NDArray[np.float64]]
"""By length, one number per document: 1 or 0 for a hit or a miss, or a loss in nats per token."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One setting of a method, measured.

    Attributes:
        method: the method's name.
        options: of the method.
        kept: leading positions whose rows stay unchanged: inputs of at most that length do not change. With
            length-aware tables, the longest input that reads the old table.
        measure: what was measured.
        outcomes: by length, one number per document.
    """

    method: str
    options: Mapping[str, object]
    kept: int
    measure: Measure
    outcomes: Outcomes

    @property
    def values(self) -> dict[int, float]:
        """The mean over documents, by length."""
        return means(self.outcomes)

    @property
    def worth(self) -> float:
        """The mean over the lengths, signed so that more is better."""
        return self.measure.worth(self.values)

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
        values = {name: None if name != self.measure.name else self.values for name in ("accuracy", "loss")}
        return SweptCandidate(self.method, dict(self.options), self.kept, **values, documents=self.documents)

    def describe(self) -> str:
        """Return method, options and values in words."""
        options = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.method} ({options}) {in_words(self.values)}"


def means(outcomes: Outcomes) -> dict[int, float]:
    """Return the mean outcome by length."""
    return {length: float(each.mean()) for length, each in outcomes.items()}
