"""Which candidate is selected: none that is worse at some length, and of equals the one that keeps most rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.quality.search.candidates import Candidate, Outcomes

# Two candidates count as equal if they differ by at most this many standard errors of the paired difference. It is the
# one-standard-error rule of model selection (Breiman et al. 1984, section 3.4.3): a 95 % interval would call nearly all
# candidates equal on as few documents as a search can afford, and then the number of kept rows would decide alone.
TOLERANCE = 1.0


def nowhere_worse(candidate: Candidate, baseline: Outcomes) -> bool:
    """Return whether the candidate is at no length worse than the old table, by more than the tolerance."""
    gains = [candidate.measure.sign * (own - baseline[length]) for length, own in candidate.outcomes.items()]
    return all(gain.mean() >= -TOLERANCE * _standard_error(gain) for gain in gains)


def best_short(candidate: Candidate, baseline: Outcomes, old: int) -> Candidate:
    """Return the candidate as length-aware tables, with the best limit for inputs that read the old table.

    The limits to choose from are the measured lengths that the old table has room for. Those by which some length is
    worse than with the old table are left out, unless all are. Of equals, the longest is taken.

    Args:
        candidate: measured with the new table at every length.
        baseline: outcomes of the old table.
        old: positions of the old table.
    """
    limits = sorted(length for length in candidate.outcomes if length <= old)
    options = [candidate.with_short(short, baseline) for short in limits]
    return preferred([each for each in options if nowhere_worse(each, baseline)] or options)


def ranked(candidates: Sequence[Candidate], baseline: Outcomes) -> list[Candidate]:
    """Return the candidates, the best first; those that are worse than the old table at some length come last."""
    return sorted(candidates, key=lambda candidate: (not nowhere_worse(candidate, baseline), -candidate.worth))


def preferred(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate that keeps most rows among those that equal the best: short inputs read those rows."""
    best = max(candidates, key=lambda candidate: candidate.worth)
    near = [each for each in candidates if best.worth - each.worth <= TOLERANCE * _error(best, each)]
    return max(near, key=lambda candidate: (candidate.kept, candidate.worth))


def _error(one: Candidate, other: Candidate) -> float:
    """Return the standard error of the difference of two candidates' worth, over the same documents."""
    errors = [_standard_error(own - other.outcomes[length]) for length, own in one.outcomes.items()]
    return math.hypot(*errors) / len(errors)


def _standard_error(differences: NDArray[np.float64]) -> float:
    return float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
