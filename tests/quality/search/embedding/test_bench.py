"""Vectors with exchanged rows, of an embedder that is known."""

import numpy as np
import pytest

from posembed.quality.search.embedding.bench import Bench, Tried
from posembed.quality.search.embedding.judged import judged_set
from posembed.quality.tasks.retrieval_set import RetrievalSet


class Embedder:
    """The vector of a text is how loudly each of its tokens is heard; it remembers what it was asked."""

    special = query_special = 2

    def __init__(self, table):
        self.table, self.asked = table, []

    def embed(self, texts, *, queries=False):
        self.asked += texts
        self.sides = [*getattr(self, "sides", []), queries]
        vectors = np.zeros((len(texts), 10), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for place, token in enumerate(text):
                row[token] += self.table.rows[place]
        return vectors


class Table:
    """Four positions; a method is a loudness for those behind."""

    usable_length = 6

    def __init__(self):
        self.rows = [1.0] * 20

    def restore(self):
        self.rows = [1.0] * 6

    def put(self, _, options):
        self.rows = [1.0] * options["kept"] + [options["loud"]] * 20

    def kept(self, _, options):
        return options["kept"]


@pytest.fixture
def bench():
    table = Table()
    return Bench(Embedder(table), table)


SHORT, LONG = (1, 2), (1, 2, 3, 4, 5, 6, 7)


def test_rows_are_those_of_the_candidate(bench):
    one, other = Tried("a", {"kept": 4, "loud": 2.0}), Tried("a", {"kept": 0, "loud": 3.0})
    assert bench.new(one, (SHORT, LONG), "documents", length_aware=False).tolist()[1][:8] == [0, 1, 1, 1, 1, 2, 2, 2]
    assert bench.new(other, (SHORT,), "documents", length_aware=False).tolist()[0][:3] == [0, 3, 3]
    assert bench.old((SHORT,), "documents").tolist()[0][:3] == [0, 1, 1]
    assert (one.kept, other.kept) == (4, 0)


def test_nothing_is_embedded_twice(bench):
    one = Tried("a", {"kept": 4, "loud": 2.0})
    for _ in range(2):
        bench.new(one, (SHORT, LONG, LONG), "documents", length_aware=False)
        bench.new(
            Tried("a", {"kept": 4, "loud": 9.0}), (SHORT,), "documents", length_aware=False
        )  # the same rows as before
        bench.old((SHORT,), "documents")
    assert sorted(bench.embedder.asked) == [SHORT, LONG]


def test_length_aware_texts_read_the_old_table_where_it_has_room(bench):
    one, fits = Tried("a", {"kept": 0, "loud": 3.0}), (1, 2, 3, 4)
    aware = bench.new(one, (fits, (*fits, 5)), "documents", length_aware=True)
    assert aware[0].tolist()[:5] == [0, 1, 1, 1, 1]
    assert aware[1].tolist()[:6] == [0, 3, 3, 3, 3, 3]
    assert bench.new(one, (fits,), "documents", length_aware=False)[0].tolist()[:5] == [0, 3, 3, 3, 3]


def test_outcomes_follow_the_vectors(bench):
    """The evidence stands at the end, where one candidate is deaf."""
    documents = tuple((0, 0, 0, 0, 0, 0, token) for token in (1, 2, 3, 4))
    found = judged_set("title", "longer", 9, RetrievalSet(documents, ((1,), (2,), (3,), (4,)), (0,) * 4, 4))
    hears, deaf = (Tried("a", {"kept": 4, "loud": loud}) for loud in (1.0, 0.0))
    assert bench.outcomes(hears, [found], length_aware=False)["title", 9].tolist() == [1, 1, 1, 1]
    assert bench.outcomes(deaf, [found], length_aware=False)["title", 9].tolist() == [0, 0, 0, 0]
    native = judged_set("title", "native", 4, RetrievalSet(((1,), (2,)), ((1,), (2,)), (0, 0), 2))
    assert bench.old_outcomes([native])["title", 4].tolist() == [1, 1]


def test_queries_are_embedded_as_queries(bench):
    for side in ("documents", "queries"):
        bench.old((SHORT,), side)
        bench.new(Tried("a", {"kept": 0, "loud": 2.0}), (SHORT,), side, length_aware=False)
    assert bench.embedder.sides == [False, False, True, True]
    bench.embedder.query_special = 5  # a prompt, with which the text is too long for the old table
    aware = bench.new(Tried("a", {"kept": 0, "loud": 2.0}), (SHORT,), "queries", length_aware=True)
    assert aware.tolist()[0][:3] == [0, 2, 2]
