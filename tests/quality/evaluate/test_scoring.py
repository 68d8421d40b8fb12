"""Scores in parts, and what a query costs: passes over documents are no cost of a query."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.quality.evaluate import scoring
from posembed.quality.evaluate.scoring import score_parts

SCORES = np.arange(12.0, dtype=np.float32).reshape(4, 3)


class Slow:
    """A system whose first scores need a pass over the documents of 5 s, and each scoring takes 1 s."""

    def __init__(self, clock):
        self.clock = clock

    def scores(self, passes, queries, documents):
        if not passes.spent:
            self.clock.now += 5
            passes.spent += 5
        self.clock.now += 1
        return SCORES[queries, documents]

    def query_passes(self, _):
        return ("queries",)


def test_parts_are_taken_in_order_and_documents_cost_no_query(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(scoring.time, "perf_counter", lambda: clock.now)
    passes = SimpleNamespace(spent=0.0, seconds={"queries": 2.0, "documents": 5.0})
    parts = [(slice(0, 3), slice(0, 3)), (slice(3, 4), slice(1, 3))]
    taken, query_ms = score_parts(Slow(clock), passes, parts, lambda scores, queries: (scores.sum(), queries.start))
    assert taken == [(SCORES[:3].sum(), 0), (SCORES[3, 1:].sum(), 3)]
    assert query_ms == pytest.approx(1000 * (2 + 2) / 4)  # scored twice, and the queries' own pass
