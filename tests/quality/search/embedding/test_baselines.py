"""The baselines of a search are those of `evaluate`."""

import numpy as np
import pytest

from posembed.observer import Callbacks
from posembed.quality.evaluate.passes import Models
from posembed.quality.evaluate.systems import AveragedChunks, ChunkSystem, systems
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.position_table import only_table
from posembed.quality.search.embedding.baselines import Baseline, Baselines
from posembed.quality.search.embedding.bench import Bench, Tried
from posembed.quality.search.embedding.judged import judged_set
from posembed.quality.search.longer_table import LongerTable
from posembed.quality.tasks.retrieval_set import make_set


@pytest.fixture(scope="module")
def measured(model):
    embedder = load_embedder(model)
    bench = Bench(embedder, LongerTable(embedder.model, only_table(model), 192))
    made = make_set("passkey", 192, embedder.encode, [], split="validation", documents=20, pool=10)
    bench.new(
        Tried("mean", {"range": 4, "keep": 0}), made.documents, "documents", length_aware=False
    )  # other rows are in place
    sets = [judged_set("a", "longer", 192, made), judged_set("b", "longer", 192, made, decides=False)]
    return made, {each.name: each for each in Baselines(bench).measure(sets)}


def test_cut_documents_read_the_old_rows(model, measured):
    made, found = measured
    old = load_embedder(model)
    cut, queries = old.embed_truncated(made.documents, 96), old.embed(made.queries)
    wanted = [float(queries[k] @ cut[k] > max(queries[k] @ cut[j] for j in pool if j != k))
              for pool in (range(10), range(10, 20)) for k in pool]  # fmt: skip
    assert found["truncated"].outcomes["a", 192].tolist() == wanted


def test_each_has_its_cost(measured):
    _, found = measured
    assert {"truncated", "chunks averaged", "best chunk 96", "word vectors", "BM25"} <= set(found)
    assert not any("late" in name or name == "checkpoint" for name in found)
    one_vector = {name for name, each in found.items() if each.is_rival}
    assert {"truncated", "chunks averaged", "word vectors"} <= one_vector
    assert one_vector.isdisjoint({"best chunk 96", "BM25"})
    assert (found["truncated"].tokens, found["truncated"].cost) == (96, "1 vector")
    assert (found["best chunk 96"].vectors, found["BM25"].cost) == (3, "no vectors")
    record = found["truncated"].record()
    assert record.tasks == {"a": {192: found["truncated"].worth}, "b": {192: found["truncated"].worth}}
    assert record.query_ms > 0


def test_what_decides_nothing_costs_little(measured):
    _, found = measured
    assert {name for name, each in found.items() if ("b", 192) in each.outcomes} == {
        *("truncated", "word vectors", "BM25")
    }


def test_the_worth_is_the_mean_over_the_sets_that_decide(measured):
    _, found = measured
    for each in found.values():
        assert each.worth == pytest.approx(float(np.mean(each.outcomes["a", 192])))
    assert isinstance(found["BM25"], Baseline)


def test_chunks_of_the_best_length_alone_are_kept(model, monkeypatch):
    monkeypatch.setattr(Models, "chunk_lengths", (24, 48, 96))
    embedder = load_embedder(model)
    bench = Bench(embedder, LongerTable(embedder.model, only_table(model), 192))
    made = make_set("passkey", 192, embedder.encode, [], split="validation", documents=20, pool=10)
    sets, found = [judged_set("a", "longer", 192, made)], Baselines(bench)
    lengths = {each.length for each in found.systems if isinstance(each, ChunkSystem)}
    everything = {each.name: each for each in found.measure(sets)}
    told = []
    found.keep_best_chunks(sets, Callbacks(message=told.append))
    (kept,) = {each.length for each in found.systems if isinstance(each, ChunkSystem)}
    assert len(lengths) > 1
    assert told == ["measuring chunks of " + ", ".join(map(str, sorted(lengths))) + " tokens"]

    def worth(length):
        own = [
            each.name for each in systems(found.models) if isinstance(each, AveragedChunks) and each.length == length
        ]
        return np.mean([everything[name].worth for name in own])

    assert worth(kept) == max(map(worth, lengths))
    found.keep_best_chunks(sets, Callbacks(message=told.append))
    assert len(told) == 1  # nothing is left to choose
