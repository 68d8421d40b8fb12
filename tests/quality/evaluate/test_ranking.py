"""Hits and comparisons, on vectors whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.quality.evaluate.ranking import Cell, Cost, clusters, comparisons, hits, measure_cells, pools
from posembed.quality.evaluate.systems import System
from posembed.quality.tasks.retrieval_set import RetrievalSet


def a_set(count, pool):
    return RetrievalSet(((1,),) * count, ((1,),) * count, tuple(k % 5 for k in range(count)), pool)


def test_own_documents_are_hits():
    vectors = np.eye(6, dtype=np.float32)
    found = hits(a_set(6, 3), vectors, vectors)
    assert found.tolist() == [1] * 6
    assert found.dtype == np.int64
    assert hits(a_set(6, 3), vectors, np.roll(vectors, 1, axis=0)).sum() == 0


def test_pools_do_not_see_each_other():
    documents = np.tile(np.eye(2, dtype=np.float32), (3, 1))
    assert hits(a_set(6, 2), documents, documents).tolist() == [1] * 6
    assert hits(a_set(6, 3), documents, documents).tolist() == [0, 1, 0, 0, 1, 0]


def test_a_tie_is_a_miss():
    same = np.ones((4, 3), dtype=np.float32)
    assert hits(a_set(4, 4), same, same).tolist() == [0] * 4


def test_a_negative_score_can_be_the_best():
    documents = np.array([[-1.0], [-2.0]], dtype=np.float32)
    assert hits(a_set(2, 2), documents, np.ones((2, 1), dtype=np.float32)).tolist() == [1, 0]


def cell(system, found, length=512, task="passkey"):
    depths = np.arange(len(found)) % 5
    return Cell(task, length, system, system != "checkpoint", np.array(found), depths)


def test_accuracy_by_depth():
    found = cell("checkpoint", [1, 0, 1, 1, 0] * 4).summary()
    assert found.accuracy.mean == pytest.approx(0.6)
    assert found.accuracy.low < 0.6 < found.accuracy.high
    assert found.by_depth == (1, 0, 1, 1, 0)
    assert (found.task, found.length, found.system, found.documents) == ("passkey", 512, "checkpoint", 20)
    assert cell("checkpoint", [1, 0]).summary().by_depth == (1, 0, None, None, None)


def test_comparisons_are_corrected_together():
    cells = []
    for length in (512, 1024):
        cells += [cell("checkpoint", [1] * 20, length), cell("truncated", [0] * 10 + [1] * 10, length)]
    one, other = comparisons(cells)
    assert (one.mean, one.first, one.second, other.length) == (0.5, "checkpoint", "truncated", 1024)
    assert one.p_holm == pytest.approx(2 * one.p)
    assert one.low < 0.5 < one.high


def test_every_baseline_is_compared_where_the_checkpoint_was_measured():
    cells = [
        cell("checkpoint", [1] * 20), cell("truncated", [0] * 20), cell("chunks averaged", [1, 0] * 10),
        cell("truncated", [1, 0], 1024), cell("checkpoint", [0] * 20, 512, "needle"),
        cell("truncated", [1] * 20, 512, "needle"),
    ]  # fmt: skip
    found = comparisons(cells)
    assert [(each.task, each.second, each.mean) for each in found] == [
        ("passkey", "truncated", 1.0), ("passkey", "chunks averaged", 0.5), ("needle", "truncated", -1.0),
    ]  # fmt: skip
    assert comparisons([cell("truncated", [1, 0])]) == ()


class Fixed(System):
    """Scores that are known."""

    def __init__(self, name, scores, same=None, reads=True, baseline=True):
        super().__init__(name)
        self.fixed, self.same, self.reads, self.baseline, self.calls = np.array(scores), same, reads, baseline, 0

    def scores(self, _passes, queries, documents):
        self.calls += 1
        return self.fixed[queries, documents]

    def measures(self, _passes):
        return self.reads

    def same_as(self, _passes):
        return self.same

    def vectors_per_document(self, _passes):
        return 2.0

    def tokens_per_document(self, _passes):
        return 7.0

    def query_passes(self, _passes):
        return ("queries",)


def test_cells_of_every_system_that_can_read_the_documents():
    passes = SimpleNamespace(spent=0.0, seconds={"queries": 8.0})
    right, wrong = np.eye(4), np.roll(np.eye(4), 1, axis=0)
    by = [
        Fixed("checkpoint", right, baseline=False), Fixed("truncated", wrong),
        Fixed("chunks averaged", right, "truncated"), Fixed("too long", right, reads=False),
    ]  # fmt: skip
    cells = measure_cells("passkey", 512, a_set(4, 2), passes, by)
    assert [(each.system, each.hits.mean(), each.same_as) for each in cells] == [
        ("checkpoint", 1, None), ("truncated", 0, None), ("chunks averaged", 0, "truncated"),
    ]  # fmt: skip
    assert [each.calls for each in by] == [2, 2, 0, 0]
    summary = cells[0].summary()
    assert (summary.vectors_per_document, summary.tokens_per_document) == (2, 7)
    assert summary.query_ms >= 1000 * 8 / 4
    assert [(each.first, each.second) for each in comparisons(cells)] == [("checkpoint", "truncated")]


def test_a_clock_is_not_compared():
    one, other = (
        Cell("t", 1, "s", False, np.array([1]), np.array([0]), Cost(1.0, 2.0, ms)).summary() for ms in (3.0, 4.0)
    )
    assert one == other
    assert one.to_dict()["query_ms"] == 3


def test_the_last_pool_may_be_smaller():
    assert pools(a_set(5, 3)) == [slice(0, 3), slice(3, 5)]


def test_what_a_query_is_about():
    """Its document, where that is a real one with a name; else the query itself."""
    assert clusters(a_set(2, 2)) == ((1,), (1,))
    assert clusters(RetrievalSet(((1,), (2,)), ((3,), (4,)), (0, 0), 2, ("one", "other"))) == ("one", "other")
