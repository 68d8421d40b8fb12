"""A user's own queries: those about long documents choose, the others must not lose."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.retrieval_data.read import RetrievalData
from posembed.quality.search.embedding import own_sets
from posembed.quality.search.embedding.own_sets import OwnSets
from posembed.records.search import SearchOptions


class Words:
    """One token for each word; two special ones."""

    special = query_special = 2

    def encode(self, text):
        return [int(word) for word in text.split()]


def make(long=20, short=15, others=10, **options):
    """Documents of 50 or 10 tokens; their first token tells them apart, and is the query."""
    documents = {f"d{n}": " ".join([str(n), *["0"] * (49 if n < long else 9)]) for n in range(long + short + others)}
    queries = {f"q{n}": str(n) for n in range(long + short)}
    relevant = {f"q{n}": {f"d{n}": 1} for n in range(long + short)}
    data = RetrievalData(documents, queries, relevant, 0)
    return OwnSets(data, Words(), 32, 64, SearchOptions(**options), None)


def test_queries_are_told_apart_by_their_documents():
    sets = make()
    (longer,), (native,) = sets.longer(1.0), sets.native()
    assert (longer.key, longer.scope, len(longer.queries)) == (("your queries", 64), "longer", 20)
    assert (native.key, native.scope, len(native.queries)) == (("your queries", 32), "native", 15)
    assert len(longer.documents) == 45  # all of them fit
    assert {len(document) for document in native.documents} == {10}
    assert sets.beside() == []


def test_the_measure_is_ndcg():
    (found,) = make().longer(1.0)
    scores = np.array(
        [[float(document[0] == query[0]) for document in found.documents] for query in found.queries], np.float32
    )
    assert found.judge(scores, slice(0, 20)).tolist() == [1.0] * 20
    scores[0] *= -1
    assert found.judge(scores[:1], slice(0, 1)).tolist() == [0.0]


def test_a_part_has_the_judged_documents_and_is_among_the_whole(monkeypatch):
    monkeypatch.setattr(own_sets, "MOST_TOKENS", 1200)
    sets = make()
    (few,), (more,) = sets.longer(0.5), sets.longer(1.0)
    assert few.queries == more.queries[:10]
    assert {query[0] for query in few.queries} <= {document[0] for document in few.documents}
    assert len(few.documents) < len(more.documents) < 45


def test_no_more_queries_than_documents_are_asked_for():
    assert len(make(documents=12).longer(1.0)[0].queries) == 12


def test_queries_that_the_old_table_serves_already_are_refused():
    with pytest.raises(DataError, match="`corpus`: 3 of 18 queries ask for a document of more than 32 tokens"):
        make(long=3)
    assert make(short=2).native() == []
