"""Score the queries of a set by one system, in parts, and tell what a query costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from posembed.quality.evaluate.passes import Passes
from posembed.quality.evaluate.systems import Scores, System

Value = TypeVar("Value")


def score_parts(
    system: System,
    passes: Passes,
    parts: Sequence[tuple[slice, slice]],
    take: Callable[[Scores, slice], Value],
) -> tuple[list[Value], float]:
    """Return what is taken from the scores of each part, and milliseconds per query.

    The milliseconds are those of embedding the queries, scoring and ranking; passes over documents do not count.

    Args:
        system: gives the scores.
        passes: over the set.
        parts: queries, and the documents that they are scored against.
        take: scores ``[queries, documents]`` and the queries to what is kept of them.
    """
    begun, passed = time.perf_counter(), passes.spent
    taken = [take(system.scores(passes, queries, documents), queries) for queries, documents in parts]
    seconds = time.perf_counter() - begun - (passes.spent - passed)
    seconds += sum(passes.seconds[key] for key in system.query_passes(passes))
    return taken, 1000 * seconds / sum(queries.stop - queries.start for queries, _ in parts)
