"""What every model has in common that scores the documents of a pool."""

import numpy as np

from posembed.quality.evaluate.pools import best_chunk


def common(queries, documents):
    """Numbers of tokens that a query and a document share."""
    return np.array(
        [[len(set(query) & set(document)) for document in documents] for query in queries], dtype=np.float32
    )


def test_a_chunk_scores_as_the_best():
    seen = []

    def scores(queries, documents):
        seen.extend(documents)
        return common(queries, documents)

    documents = [[1, 9, 2, 9, 3, 9, 9], [], [1, 2]]
    queries = [[1, 2, 3], [9]]
    np.testing.assert_array_equal(best_chunk(scores, queries, documents, 3), [[2, 0, 2], [1, 0, 0]])
    assert seen == [[1, 9, 2], [9, 3, 9], [9], [], [1, 2]]
