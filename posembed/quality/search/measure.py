"""What a search measures: accuracy (higher is better) or loss (lower is better)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posembed.records.search import MeasureName


@dataclass(frozen=True)
class Measure:
    """A measure, and how it is spoken of.

    Attributes:
        name: its key in JSON.
        sign: 1 if more is better, −1 if less is.
        noun: what is measured.
        baseline: what the old table does with a longer input, with ``{old}`` for its length.
        consequence: what other rows mean for stored outputs, after "read other rows than before".
    """

    name: MeasureName
    sign: int
    noun: str
    baseline: str
    consequence: str

    def worth(self, values: Mapping[int, float]) -> float:
        """Return the mean over the lengths, signed so that more is better.

        Example:
            >>> LOSS.worth({64: 2.0, 128: 3.0})
            -2.5
        """
        return self.sign * (sum(values.values()) / len(values))

    def baseline_of(self, old: int) -> str:
        """Return the baseline in words."""
        return self.baseline.format(old=old)


ACCURACY = Measure(
    "accuracy",
    1,
    "passkey retrieval",
    "cutting documents to {old} tokens",
    " (vectors made by the old table cannot be compared with those by the new one)",
)
LOSS = Measure("loss", -1, "loss (nats per token)", "a sliding window of {old} tokens", "")


def in_words(values: Mapping[int, float]) -> str:
    """Return values by length.

    Example:
        >>> in_words({128: 0.5, 64: 0.25})
        '0.250 at 64, 0.500 at 128'
    """
    return ", ".join(f"{value:.3f} at {length}" for length, value in sorted(values.items()))
