"""Sets: hits by pools, and one number per query over all lengths."""

import numpy as np

from posembed.quality.search.embedding.judged import by_query, judged_set, means
from posembed.quality.tasks.retrieval_set import RetrievalSet

QUERIES = ((1,), (2,), (3,), (4,))


def a_set(length=8, queries=QUERIES, pool=2):
    documents = tuple((number, 9) for number in range(len(queries)))
    return judged_set("title", "longer", length, RetrievalSet(documents, queries, (0,) * len(queries), pool))


def test_a_query_is_ranked_in_its_pool():
    found = a_set()
    documents = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    queries = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert found.outcomes(queries, documents).tolist() == [1, 0, 1, 1]
    assert a_set(pool=4).outcomes(queries, documents).tolist() == [0, 0, 0, 0]  # two equal ones: a tie is a miss
    assert found.key == ("title", 8)
    assert found.decides


def test_a_query_of_several_lengths_counts_once():
    short, long = a_set(8), a_set(16, queries=((2,), (5,), (1,), (6,)))
    outcomes = {("title", 8): np.array([1.0, 0, 1, 0]), ("title", 16): np.array([1.0, 1, 1, 0])}
    assert by_query([short, long], outcomes).tolist() == [1, 0.5, 1, 0, 1, 0]
    assert means(outcomes) == {"title": {8: 0.5, 16: 0.75}}
