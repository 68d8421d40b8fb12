"""Hits, comparisons and short-input fidelity, on vectors whose answers are known."""

import numpy as np
import pytest

from posembed.quality.evaluate.fidelity import fidelity, short_texts
from posembed.quality.evaluate.ranking import Cell, comparisons, hits
from posembed.quality.tasks.retrieval_set import RetrievalSet


def a_set(count, pool):
    return RetrievalSet(((1,),) * count, ((1,),) * count, tuple(k % 5 for k in range(count)), pool)


def test_own_documents_are_hits():
    vectors = np.eye(6, dtype=np.float32)
    assert hits(a_set(6, 3), vectors, vectors).tolist() == [1] * 6
    assert hits(a_set(6, 3), vectors, np.roll(vectors, 1, axis=0)).sum() == 0


def test_pools_do_not_see_each_other():
    documents = np.tile(np.eye(2, dtype=np.float32), (3, 1))
    assert hits(a_set(6, 2), documents, documents).tolist() == [1] * 6


def test_a_tie_is_a_miss():
    same = np.ones((4, 3), dtype=np.float32)
    assert hits(a_set(4, 4), same, same).tolist() == [0] * 4


def cell(system, found, length=512):
    depths = np.arange(len(found)) % 5
    return Cell("passkey", length, system, np.array(found), depths)


def test_accuracy_by_depth():
    found = cell("checkpoint", [1, 0, 1, 1, 0] * 4).summary()
    assert found.accuracy.mean == pytest.approx(0.6)
    assert found.by_depth == (1, 0, 1, 1, 0)


def test_comparisons_are_corrected_together():
    cells = []
    for length in (512, 1024):
        cells += [cell("checkpoint", [1] * 20, length), cell("truncated", [0] * 10 + [1] * 10, length)]
    one, other = comparisons(cells)
    assert (one.mean, one.second, other.length) == (0.5, "truncated", 1024)
    assert one.p_holm == pytest.approx(2 * one.p)
    assert comparisons([cell("truncated", [1, 0])]) == ()


def test_fidelity():
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    same = fidelity(vectors, vectors, 8)
    assert (same.equal, same.texts) == (30, 30)
    assert same.rank_correlation == pytest.approx(1)
    assert same.cosine.least == pytest.approx(1)
    turned = np.linalg.qr(draw.standard_normal((8, 8)))[0].astype(np.float32)
    other = fidelity(vectors @ turned, vectors, 8)  # another direction for each, the same similarities
    assert other.rank_correlation == pytest.approx(1, abs=1e-3)
    assert other.cosine.mean < 0.5
    assert other.equal == 0
    assert fidelity(vectors[:2], vectors[:2], 8).rank_correlation is None


def test_short_texts_are_short_and_the_same_again():
    texts = [list(range(1000))]
    made = short_texts(texts, 50, 20, "test", 0)
    assert {len(text) for text in made} <= set(range(8, 21))
    assert made == short_texts(texts, 50, 20, "test", 0) != short_texts(texts, 50, 20, "validation", 0)
