"""Ways to extend a table that are worth measuring, and which of those measured is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posembed.tables.trained_range.detect import trained_range
from posembed.tables.trained_range.norm_step import sharpest_step

Measure = Literal["accuracy", "loss"]
Way = tuple[str, dict[str, Any]]
Outcomes = dict[int, NDArray[np.float64]]
_SHARES = (1, 3 / 4, 1 / 2, 3 / 8, 5 / 16, 1 / 4, 3 / 16, 1 / 8)  # of the table's length
_RATIOS = (2, 4)


@dataclass(frozen=True)
class Candidate:
    """One way to extend, and how it did.

    Attributes:
        method: a method's name.
        options: of the method.
        kept: first positions that keep their rows bit for bit: inputs of that length do not change. With tables by
            length, the longest input that reads the old one.
        measure: ``"accuracy"`` (more is better) or ``"loss"`` (nats a token, less is better).
        values: the measure on validation documents, by length.
        documents: behind each value, by length.
        outcomes: of the single documents, by length.
    """

    method: str
    options: dict[str, Any]
    kept: int
    measure: Measure
    values: dict[int, float]
    documents: dict[int, int]
    outcomes: Outcomes = field(repr=False, compare=False, default_factory=dict)

    @property
    def worth(self) -> float:
        """Mean over the lengths, so that more is better."""
        return worth(self.values, self.measure)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "method": self.method,
            "options": self.options,
            "kept": self.kept,
            self.measure: {str(length): value for length, value in self.values.items()},
            "documents": max(self.documents.values()),
        }

    def in_words(self) -> str:
        """Method, options and values."""
        options = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.method} ({options}) {told(self.values)}"


def worth(values: dict[int, float], measure: Measure) -> float:
    """Mean over the lengths, so that more is better."""
    mean = sum(values.values()) / len(values)
    return mean if measure == "accuracy" else -mean


def told(values: dict[int, float]) -> str:
    """Values by length in words."""
    return ", ".join(f"{value:.3f} at {length}" for length, value in sorted(values.items()))


def measured(method: str, options: dict[str, Any], kept: int, measure: Measure, outcomes: Outcomes) -> Candidate:
    """A candidate from the outcomes of its documents."""
    values = {length: float(each.mean()) for length, each in outcomes.items()}
    return Candidate(method, options, kept, measure, values, {n: len(each) for n, each in outcomes.items()}, outcomes)


def first_ways(rows: NDArray[Any], old: int) -> list[Way]:
    """Ranges from what the table shows and from shares of its length.

    Each is repeated, stretched to the end, and put in the place of all rows but the first as its mean. By that order
    among all further positions is lost, which an embedding model may bear and a language model does not.
    """
    ranges = {max(2, round(share * old)) for share in _SHARES}
    found = trained_range(rows)
    step = sharpest_step(rows) if (np.linalg.norm(rows, axis=1) > 0).all() else None
    for end in (found.end, found.suggested_usable_length, None if step is None else step.place):
        if end is not None and 2 <= end <= old:
            ranges.add(end)
    ways: list[Way] = []
    for size in sorted(ranges, reverse=True):
        ways += [("tile", {"range": size}), ("stretch", {"range": size}), ("mean", {"range": size, "keep": 1})]
    return ways


def more_ways(swept: Sequence[Candidate], length: int) -> list[Way]:
    """What the first sweep makes worth trying: the two best ranges, drawn out, with rows kept, by a spline."""
    best = sorted(swept, key=lambda candidate: -candidate.worth)
    ranges = list(dict.fromkeys(candidate.options["range"] for candidate in best))[:2]
    ways: list[Way] = [
        ("stretch", {"range": size, "ratio": ratio}) for size in ranges for ratio in _RATIOS if size * ratio < length
    ]
    keep = max(1, ranges[0] // 8)
    ways += [("stretch", {"range": ranges[0], "keep": keep})]
    ways += [("stretch", {"range": ranges[0], "keep": keep, "ratio": 2})] if 2 * ranges[0] < length else []
    ways += [("stretch", {"range": ranges[0], "kernel": "cubic"})] if ranges[0] > 2 else []
    if any(candidate.method == "mean" for candidate in swept):
        ways += [("mean", {"range": ranges[0], "keep": kept}) for kept in sorted({0, keep} - {1})]
    return ways


def nowhere_worse(candidate: Candidate, baseline: Outcomes) -> bool:
    """Whether no length tells the candidate to be worse than the old table: by more than one standard error."""
    sign = 1 if candidate.measure == "accuracy" else -1
    gains = [sign * (outcomes - baseline[length]) for length, outcomes in candidate.outcomes.items()]
    return all(gain.mean() >= -_standard_error(gain) for gain in gains)


def with_short(candidate: Candidate, baseline: Outcomes, old: int) -> Candidate:
    """The candidate where short inputs read the old table, up to the best of the lengths that this has room for.

    Best is the greatest worth among those by which no length is worse than with the old table; where that cannot be
    told (one standard error), the longest.
    """
    cuts = []
    for short in sorted(length for length in candidate.outcomes if length <= old):
        outcomes = {n: baseline[n] if n <= short else each for n, each in candidate.outcomes.items()}
        cuts.append(measured(candidate.method, candidate.options, short, candidate.measure, outcomes))
    return preferred([cut for cut in cuts if nowhere_worse(cut, baseline)] or cuts)


def preferred(finalists: Sequence[Candidate]) -> Candidate:
    """Of those that cannot be told from the best, the one that keeps most rows: short inputs read those.

    They cannot be told where the difference over the same documents is at most one standard error.
    """
    best = max(finalists, key=lambda candidate: candidate.worth)
    near = [candidate for candidate in finalists if best.worth - candidate.worth <= _error(best, candidate)]
    return max(near, key=lambda candidate: (candidate.kept, candidate.worth))


def _error(one: Candidate, other: Candidate) -> float:
    """Standard error of the difference of two candidates' worth, over the same documents."""
    errors = [_standard_error(outcomes - other.outcomes[length]) for length, outcomes in one.outcomes.items()]
    return math.hypot(*errors) / len(errors)


def _standard_error(differences: NDArray[np.float64]) -> float:
    return float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
