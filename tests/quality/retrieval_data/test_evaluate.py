"""Every system on own data, with vectors that are known."""

import numpy as np
import pytest

from posembed.observer import Callbacks
from posembed.quality.evaluate.passes import Models
from posembed.quality.retrieval_data.evaluate import LEAST_QUERIES, measure_own
from posembed.quality.retrieval_data.read import RetrievalData

pytest.importorskip("pytrec_eval")


class Bag:
    """Hears which of its tokens stand among the first ``reach``."""

    special = query_special = 2

    def __init__(self, reach):
        self.reach = reach

    def encode(self, text):
        return [int(word) for word in text.split()]

    def embed(self, texts, **_side):
        vectors = np.full((len(texts), 100), 1e-4, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            assert len(text) <= self.reach, "a model never reads more than it takes"
            row[[token for token in text if token]] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Reader:
    """Embeds the first ``reach`` tokens."""

    def __init__(self, name, embedder, *, baseline, by_checkpoint, same=None):
        self.name, self.embedder, self.baseline, self.by_checkpoint = name, embedder, baseline, by_checkpoint
        self.same, self.seen = same, []

    def measures(self, _):
        return True

    def same_as(self, _):
        return self.same

    def query_passes(self, _):
        return ()

    def vectors_per_document(self, _):
        return 1.0

    def scores(self, passes, queries, documents):
        self.seen.append((len(passes.queries[queries]), len(passes.documents[documents]), passes.longest))
        texts = [text[: self.embedder.reach] for text in passes.documents[documents]]
        return self.embedder.embed(passes.queries[queries]) @ self.embedder.embed(texts).T


def data(count=20, long=200, unjudged=0):
    """Half of the documents are short; the others hold their number at the end of many zeros."""
    documents = {f"d{k}": f"{'0 ' * (long if k % 2 else 10)}{k + 1}" for k in range(count)}
    queries = {f"q{k}": str(k + 1) for k in range(count)}
    return RetrievalData(documents, queries, {f"q{k}": {f"d{k}": 1} for k in range(count)}, unjudged)


@pytest.fixture
def measured():
    checkpoint, original = Bag(400), Bag(100)
    models = Models(checkpoint, original, 402, 102)
    systems = [
        Reader("checkpoint", checkpoint, baseline=False, by_checkpoint=True),
        Reader("truncated", original, baseline=True, by_checkpoint=False),
        Reader("the same", original, baseline=True, by_checkpoint=False, same="truncated"),
    ]
    said = []
    return measure_own(data(unjudged=3), models, systems, Callbacks(message=said.append)), said, systems


def means(results, lengths=None):
    return {
        cell.system: cell.ndcg_at_10.mean for cell in results.cells if (cell.lengths and cell.lengths.most) == lengths
    }


def test_all_queries_and_ranges_of_lengths(measured):
    results, said, _ = measured
    assert (results.documents, results.queries, results.unjudged) == (20, 20, 3)
    assert (results.longest, results.cut, results.cut_queries) == (203, 0, 0)
    assert means(results)["checkpoint"] == 1
    assert means(results, 128) == {"checkpoint": 1, "truncated": 1}
    assert means(results, 256)["checkpoint"] == 1
    assert means(results, 256)["truncated"] < 0.5, "what it is asked for is cut off"
    assert {(c.lengths.above, c.lengths.most, c.lengths.queries) for c in results.cells if c.lengths} == {
        (0, 128, 10),
        (128, 256, 10),
    }
    assert said == ["your documents: checkpoint", "your documents: truncated"]


def test_the_checkpoint_is_compared_with_each_baseline(measured):
    results, *_ = measured
    assert [(each.lengths and each.lengths.most, each.second) for each in results.comparisons] == [
        (None, "truncated"),
        (128, "truncated"),
        (256, "truncated"),
    ]
    every, short, long = results.comparisons
    assert every.mean == pytest.approx(long.mean / 2)
    assert (short.mean, short.p) == (0, 1)
    assert long.p_holm >= long.p
    assert every.first == "checkpoint"


def test_all_documents_are_ranked_for_every_query(measured):
    *_, systems = measured
    assert systems[0].seen == [(20, 20, 203)]
    assert systems[2].seen == []


def test_documents_that_are_too_long_are_cut_for_the_checkpoint_alone():
    checkpoint, original = Bag(150), Bag(100)
    own = Reader("checkpoint", checkpoint, baseline=False, by_checkpoint=True)
    other = Reader("truncated", original, baseline=True, by_checkpoint=False)
    results = measure_own(data(), Models(checkpoint, original, 152, 102), [own, other])
    assert results.cut == 10
    assert own.seen == [(20, 20, 152)]
    assert other.seen == [(20, 20, 203)]
    assert means(results, 256)["checkpoint"] < 0.5


def test_long_queries_are_cut_for_all():
    made = data()
    queries = {name: f"{text} {'0 ' * 200}" for name, text in made.queries.items()}
    models = Models(Bag(400), Bag(100), 402, 102)
    one = Reader("checkpoint", models.checkpoint, baseline=False, by_checkpoint=True)
    results = measure_own(RetrievalData(made.documents, queries, made.relevant, 0), models, [one])
    assert results.cut_queries == 20
    assert means(results)["checkpoint"] == 1
    assert results.comparisons == ()


def test_ranges_with_few_queries_are_left_out():
    models = Models(Bag(400), Bag(100), 402, 102)
    one = Reader("checkpoint", models.checkpoint, baseline=False, by_checkpoint=True)
    few = measure_own(data(2 * LEAST_QUERIES - 2), models, [one])
    assert {cell.lengths for cell in few.cells} == {None}
    enough = measure_own(data(2 * LEAST_QUERIES), models, [one])
    assert len(enough.cells) == 3


def test_the_longest_relevant_document_counts():
    made = data()
    relevant = {name: {**judged, "d1": 1, "d0": 0} for name, judged in made.relevant.items()}
    models = Models(Bag(400), Bag(100), 402, 102)
    one = Reader("checkpoint", models.checkpoint, baseline=False, by_checkpoint=True)
    results = measure_own(RetrievalData(made.documents, made.queries, relevant, 0), models, [one])
    assert {(cell.lengths and cell.lengths.most, cell.queries) for cell in results.cells} == {(None, 20), (256, 20)}
