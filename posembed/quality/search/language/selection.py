"""Which candidate of a language model may be chosen: none that is worse at some length, and a clear gain beyond it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posembed.quality.search.language.candidates import Candidate, Outcomes
from posembed.quality.search.selection import TOLERANCE, preferred, standard_error
from posembed.statistics import BootstrapInterval, corrected_interval


def nowhere_worse(candidate: Candidate, baseline: Outcomes) -> bool:
    """Return whether the candidate is at no length worse than the old table, by more than the tolerance."""
    gains = [baseline[length] - own for length, own in candidate.outcomes.items()]
    return all(gain.mean() >= -TOLERANCE * standard_error(gain) for gain in gains)


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


def longer_gain(candidate: Candidate, baseline: Outcomes, old: int, comparisons: int) -> BootstrapInterval:
    """Return the gain over the old table on inputs that are longer than it, with its corrected interval.

    Args:
        candidate: measured on the same documents.
        baseline: outcomes of the old table.
        old: positions of the old table.
        comparisons: number of candidates, any of which may have looked best by chance.
    """
    gains = [baseline[length] - own for length, own in candidate.outcomes.items() if length > old]
    return corrected_interval(np.concatenate(gains), comparisons)
