"""Hits and comparisons, on vectors whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.quality.evaluate.ranking import Cell, comparisons, hits, systems
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


def test_baselines_are_of_the_original_at_its_length():
    def embedder(name):
        return SimpleNamespace(
            embed=lambda texts: (name, "whole", texts),
            embed_truncated=lambda texts, length: (name, "cut", length, texts),
            embed_chunked=lambda texts, length: (name, "chunks", length, texts),
        )

    found = systems(embedder("new"), embedder("old"), 4096, 512)
    assert [each.name for each in found] == ["checkpoint", "truncated", "chunks averaged"]
    assert [each.baseline for each in found] == [False, True, True]
    assert [each.embed([1]) for each in found] == [
        ("new", "whole", [1]), ("old", "cut", 512, [1]), ("old", "chunks", 512, [1]),
    ]  # fmt: skip
    assert [[each.measures(length) for length in (512, 513, 4096, 4097)] for each in found] == [
        [True, True, True, False], [True] * 4, [True] * 4,
    ]  # fmt: skip
    same = embedder("same")
    alone = systems(same, same, 512, 512)
    assert [[each.measures(length) for length in (512, 513)] for each in alone] == [
        [True, False], [False, True], [False, True],
    ]  # fmt: skip
