"""Which systems there are, what they store, and which of them do the same."""

import numpy as np
import pytest

from posembed.quality.evaluate.passes import Models, Passes
from posembed.quality.evaluate.systems import CHECKPOINT, TRUNCATED, absent, systems
from posembed.quality.models.rows import unit

WHOLE = slice(None)


class Echo:
    """Embeds a text as its first and its last token; the name tells the models apart."""

    special, pooling = 2, "cls"

    def __init__(self, scale=1.0, stored_limit=None, late=True, table=True):
        self.scale, self.stored_limit, self.has_late_chunks, self.table = scale, stored_limit, late, table

    def embed(self, texts, **_side):
        rows = [[text[0], text[-1], self.scale] for text in texts]
        return np.array(rows, dtype=np.float32)

    def scaled(self, vectors):
        return unit(vectors)

    def embed_truncated(self, texts, length):
        return self.embed([text[: length - 2] for text in texts])

    def cut(self, texts, length):
        return [[text[at : at + length - 2] for at in range(0, len(text), length - 2)] for text in texts]

    def embed_late(self, texts, lengths):
        return self.embed(texts), {n: [self.embed(parts) for parts in self.cut(texts, n)] for n in lengths}

    def input_vectors(self):
        return np.eye(50, dtype=np.float32) if self.table else None

    def decode(self, ids):
        return " ".join(f"w{token}" for token in ids)


def names(models, **options):
    return [system.name for system in systems(models, **options)]


def test_every_system_of_a_model_with_512_rows():
    models = Models(Echo(), Echo(stored_limit=256), 2048, 512)
    assert names(models) == [
        "checkpoint", "truncated", "truncated 256",
        "chunks averaged 128", "chunks averaged 256", "chunks averaged",
        "first + average 128", "first + average 256", "first + average 512", "word vectors",
        "best chunk 128", "best chunk 256", "best chunk 512", "late chunk 128", "late chunk 256", "late chunk 512",
        "BM25",
    ]  # fmt: skip
    assert [system.name for system in systems(models) if not system.baseline] == [CHECKPOINT]


def test_systems_that_a_model_does_not_have():
    left = names(Models(Echo(late=False), Echo(table=False), 128, 77), bm25=False)
    assert left == ["checkpoint", "truncated", "chunks averaged", "first + average 77", "best chunk 77"]
    assert [
        sentence.split(" were")[0] for sentence in absent(Models(Echo(late=False), Echo(table=False), 128, 77))
    ] == [
        "word vectors",
        "late chunks",
    ]
    assert absent(Models(Echo(), Echo(), 128, 77)) == ()


@pytest.mark.parametrize(("limit", "there"), [(None, False), (512, False), (600, False), (2, False), (300, True)])
def test_a_stored_limit_counts_where_it_cuts(limit, there):
    models = Models(Echo(), Echo(stored_limit=limit), 2048, 512)
    assert (f"truncated {limit}" in names(models)) is there


def passes(longest, models, documents=3):
    texts = [tuple((number + place) % 50 for place in range(longest - 2)) for number in range(documents)]
    return Passes(texts, [text[:2] for text in texts], models)


def same(made):
    return {system.name: system.same_as(made) for system in systems(made.models) if system.measures(made)}


def test_what_cuts_nothing_is_the_original_as_a_whole():
    found = same(passes(128, Models(Echo(), Echo(stored_limit=256), 2048, 512)))
    assert {name for name, other in found.items() if other is None} == {CHECKPOINT, TRUNCATED, "word vectors", "BM25"}
    assert {other for name, other in found.items() if name.startswith("late")} == {CHECKPOINT}
    assert {found["truncated 256"], found["chunks averaged 128"], found["best chunk 512"]} == {TRUNCATED}
    longer = same(passes(300, Models(Echo(), Echo(stored_limit=256), 2048, 512)))
    assert longer["truncated 256"] is longer["best chunk 256"] is longer["late chunk 128"] is None
    assert (longer["chunks averaged"], longer["late chunk 512"]) == (TRUNCATED, CHECKPOINT)


def test_without_an_original_it_is_the_checkpoint():
    model = Echo()
    found = same(passes(512, Models(model, model, 512, 512)))
    assert found[TRUNCATED] == found["chunks averaged"] == found["best chunk 512"] == CHECKPOINT
    longer = same(passes(513, Models(model, model, 512, 512)))
    assert CHECKPOINT not in longer
    assert "late chunk 128" not in longer
    assert longer[TRUNCATED] is longer["chunks averaged"] is None


def test_what_each_system_stores_and_reads():
    made = passes(602, Models(Echo(), Echo(stored_limit=300), 2048, 512))
    costs = {s.name: (s.vectors_per_document(made), s.tokens_per_document(made)) for s in systems(made.models)}
    assert costs[CHECKPOINT] == (1, 602)
    assert costs[TRUNCATED] == (1, 512)
    assert costs["truncated 300"] == (1, 300)
    assert costs["chunks averaged 128"] == costs["first + average 128"] == (1, 600 + 5 * 2)
    assert costs["best chunk 128"] == (5, 610)
    assert costs["late chunk 256"] == (3, 602)
    assert costs["word vectors"] == (1, 0)
    assert costs["BM25"] == (None, 0)


def test_queries_are_by_the_model_of_the_documents():
    made = passes(602, Models(Echo(2.0), Echo(3.0), 2048, 512))
    by_name = {system.name: system for system in systems(made.models)}
    for name, scale in ((CHECKPOINT, 2), ("late chunk 128", 2), (TRUNCATED, 3), ("best chunk 128", 3)):
        query = made.queries[1]
        document = made.documents[1]
        scores = by_name[name].scores(made, slice(1, 2), slice(1, 2))
        end = document[-1]
        if name == TRUNCATED:
            end = document[509]
        if "chunk" in name:
            ends = [(document[at], document[min(at + 125, 599)]) for at in range(0, 600, 126)]
            assert scores[0, 0] == max(query[0] * a + query[1] * b for a, b in ends) + scale**2
        else:
            assert scores[0, 0] == query[0] * document[0] + query[1] * end + scale**2


def test_words_are_those_of_the_decoded_documents():
    pytest.importorskip("bm25s")
    made = passes(40, Models(Echo(), Echo(), 2048, 512))
    bm25 = systems(made.models)[-1]
    assert bm25.name == "BM25"
    scores = bm25.scores(made, WHOLE, WHOLE)
    assert scores.shape == (3, 3)
    # Token 0 is in the first document alone (tokens 0 to 37); the others begin at 1 and 2.
    assert scores[0, 0] > 0 == scores[0, 2]
    assert bm25.query_passes(made) == ("query words",)
