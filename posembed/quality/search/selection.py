"""Of candidates that are equally good, prefer the one that keeps most rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

# Two candidates count as equal if they differ by at most this many standard errors of the paired difference. It is the
# one-standard-error rule of model selection (Breiman et al. 1984, section 3.4.3): a 95 % interval would call nearly all
# candidates equal on as few documents as a search can afford, and then the number of kept rows would decide alone.
TOLERANCE = 1.0


class Measured(Protocol):
    """A candidate with its results."""

    @property
    def outcomes(self) -> Mapping[Any, NDArray[np.float64]]:
        """Of each set, one number per document or query."""

    @property
    def worth(self) -> float:
        """The mean over the sets, signed so that more is better."""

    @property
    def kept(self) -> int:
        """Leading positions whose rows stay unchanged."""


Candidate = TypeVar("Candidate", bound=Measured)


def preferred(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate that keeps most rows among those that equal the best: short inputs read those rows."""
    best = max(candidates, key=lambda candidate: candidate.worth)
    near = [each for each in candidates if best.worth - each.worth <= TOLERANCE * _error(best, each)]
    return max(near, key=lambda candidate: (candidate.kept, candidate.worth))


def standard_error(differences: NDArray[np.float64]) -> float:
    """Return the standard error of a mean; 0 for a single number.

    Example:
        >>> standard_error(np.array([0.0, 2.0])), standard_error(np.array([1.0]))
        (1.0, 0.0)
    """
    return float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0


def _error(one: Measured, other: Measured) -> float:
    """Return the standard error of the difference of two candidates' worth, over the same documents."""
    errors = [standard_error(own - other.outcomes[name]) for name, own in one.outcomes.items()]
    return math.hypot(*errors) / len(errors)
