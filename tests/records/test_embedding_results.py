"""What is compared of two results, and what is only a reading of a clock."""

from dataclasses import replace

from posembed.records.embedding_results import Recommendation, RetrievalCell
from posembed.records.interval import DocumentInterval

CELL = RetrievalCell("title", 128, "BM25", 4, DocumentInterval(0.5, 0.25, 0.75), (0.5, None), None, 0.0, 1.5)


def test_a_clock_is_written_and_not_compared():
    assert CELL.to_dict()["query_ms"] == 1.5
    assert CELL == replace(CELL, query_ms=2.5) != replace(CELL, tokens_per_document=1.0)


def test_a_recommendation_and_back():
    made = Recommendation("title", "longer", (1024,), "any", "BM25", CELL.accuracy, None, "BM25", ("truncated",))
    assert Recommendation.from_dict(made.to_dict()) == made
    assert made.to_dict()["vectors_per_document"] is None
