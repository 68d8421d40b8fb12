"""Sets: hits by pools, and one number per document over all lengths."""

import numpy as np

from posembed.quality.search.embedding.judged import by_cluster, judged_set, means
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


def test_what_is_asked_for_at_several_lengths_counts_once():
    short, long = a_set(8), a_set(16, queries=((2,), (5,), (1,), (6,)))
    outcomes = {("title", 8): np.array([1.0, 0, 1, 0]), ("title", 16): np.array([1.0, 1, 1, 0])}
    assert by_cluster([short, long], outcomes).tolist() == [1, 0.5, 1, 0, 1, 0]
    assert means(outcomes) == {"title": {8: 0.5, 16: 0.75}}


def test_other_queries_about_the_same_document_count_once_too():
    short, long = (
        judged_set(
            "section", "longer", length, RetrievalSet(((length,), (9,)), queries, (0, 0), 2, sources=("a", other))
        )
        for length, queries, other in ((8, ((1,), (2,)), "b"), (16, ((3,), (4,)), "c"))
    )
    outcomes = {("section", 8): np.array([1.0, 0.0]), ("section", 16): np.array([0.0, 1.0])}
    assert by_cluster([short, long], outcomes).tolist() == [0.5, 0, 1]
