"""Measures of rankings that are known."""

import math
import sys

import numpy as np
import pytest

from posembed.errors import MissingExtraError
from posembed.quality.retrieval_data.measures import measure, require_library


def ranking(*order, documents=200):
    """Scores that rank the given documents first, and the others after them."""
    scores = np.zeros((1, documents), dtype=np.float32)
    for place, document in enumerate(order):
        scores[0, document] = 1000 - place
    return scores


def measured(scores, relevant):
    pytest.importorskip("pytrec_eval")
    return {name: float(values[0]) for name, values in measure(scores, [relevant]).items()}


def test_one_relevant_document():
    assert measured(ranking(7, 3), {7: 1}) == {"ndcg_at_10": 1, "recall_at_10": 1, "recall_at_100": 1, "mrr_at_10": 1}
    found = measured(ranking(7, 3), {3: 1})
    assert found["mrr_at_10"] == 0.5
    assert found["ndcg_at_10"] == pytest.approx(1 / math.log2(3))


def test_graded_documents():
    found = measured(ranking(1, 2, 3), {1: 1, 3: 2, 2: 0})
    gain = (1 / math.log2(2) + 2 / math.log2(4)) / (2 / math.log2(2) + 1 / math.log2(3))
    assert found["ndcg_at_10"] == pytest.approx(gain)
    assert found["recall_at_10"] == 1


def test_ranks_beyond_ten_and_a_hundred():
    scores = ranking(*range(150))
    assert measured(scores, {9: 1})["mrr_at_10"] == 0.1
    assert measured(scores, {10: 1}) == {"ndcg_at_10": 0, "recall_at_10": 0, "recall_at_100": 1, "mrr_at_10": 0}
    assert measured(scores, {99: 1})["recall_at_100"] == 1
    assert measured(scores, {100: 1})["recall_at_100"] == 0
    assert measured(scores, {0: 1, 50: 1, 120: 1, 130: 1})["recall_at_100"] == 0.5


def test_equal_scores_are_ranked_as_they_come():
    assert measured(np.zeros((1, 5), dtype=np.float32), {0: 1})["mrr_at_10"] == 1
    assert measured(np.zeros((1, 5), dtype=np.float32), {4: 1})["mrr_at_10"] == 0.2


def test_every_query_has_its_own_numbers():
    pytest.importorskip("pytrec_eval")
    scores = np.concatenate([ranking(k, 0) for k in range(1, 13)])
    found = measure(scores, [{k if k % 2 else 0: 1} for k in range(1, 13)])
    assert found["mrr_at_10"].tolist() == [1, 0.5] * 6


def test_the_library_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytrec_eval", None)
    with pytest.raises(MissingExtraError, match=r"'pytrec-eval-terrier', .* pip install .posembed\[quality\]"):
        require_library()
