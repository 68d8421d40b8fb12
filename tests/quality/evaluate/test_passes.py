"""Passes are run once and shared, and shared ones give what separate ones give."""

import numpy as np
import pytest

from posembed.quality.evaluate.passes import CHUNK_LENGTHS, Chunks, Models, Passes
from posembed.quality.evaluate.systems import systems
from posembed.quality.models.embedding import load_embedder

DOCUMENTS = [tuple((5 + 7 * number + place * place) % 40 for place in range(620 - number)) for number in range(3)]
QUERIES = [tuple(document[3:9]) for document in DOCUMENTS]
EVERY = slice(None)


@pytest.fixture(scope="module")
def models(example_checkpoints):
    original = load_embedder(example_checkpoints / "my-embedder")
    return Models(load_embedder(example_checkpoints / "my-embedder"), original, 700, 512)


def scores(passes, system):
    return system.scores(passes, EVERY, EVERY)


def test_shared_passes_give_what_separate_ones_give_bit_for_bit(models, monkeypatch):
    monkeypatch.setattr("posembed.quality.evaluate.passes.CHUNK_LENGTHS", (128, 256))
    # This model has 512 rows; the checkpoint reads the first of them again, so that longer documents can be embedded.
    monkeypatch.setattr(models.checkpoint, "model", Again(models.checkpoint.model))
    shared, by = Passes(DOCUMENTS, QUERIES, models), systems(models, bm25=False)
    assert len(by) > 12
    for system in by:
        separate = Passes(DOCUMENTS, QUERIES, models)
        np.testing.assert_array_equal(scores(shared, system), scores(separate, system), err_msg=system.name)


class Again:
    """Positions past the last row begin again."""

    def __init__(self, model):
        self.model = model

    def eval(self):
        return self

    def parameters(self):
        return self.model.parameters()

    def __call__(self, input_ids, attention_mask):
        import torch

        positions = torch.arange(input_ids.shape[1])[None] % 512
        return self.model(input_ids=input_ids, attention_mask=attention_mask, position_ids=positions)


def test_the_first_chunk_is_the_truncated_document(models):
    passes = Passes(DOCUMENTS, QUERIES, models)
    for length in (128, 512):
        np.testing.assert_array_equal(passes.truncated(length), passes.chunks(length).first)
        np.testing.assert_allclose(
            passes.truncated(length), models.original.embed_truncated(DOCUMENTS, length), atol=1e-6
        )
    np.testing.assert_allclose(passes.truncated(100), models.original.embed_truncated(DOCUMENTS, 100), atol=1e-6)
    np.testing.assert_allclose(passes.means(128), models.original.embed_chunked(DOCUMENTS, 128), atol=1e-6)


def test_nothing_is_embedded_twice(models, monkeypatch):
    embedded = []
    inner = models.original.embed
    monkeypatch.setattr(
        models.original, "embed", lambda texts, **side: embedded.append(len(texts)) or inner(texts, **side)
    )
    passes = Passes(DOCUMENTS, QUERIES, models)
    for length in (128, 256, 512):
        passes.chunks(length)
        passes.means(length)
        passes.means(length, 0.5)
        passes.truncated(length)
    # 126, 254 and 510 tokens of a document: 5, 3 and 2 chunks of each of the three.
    assert embedded == [15, 9, 6]
    passes.query_vectors(by_checkpoint=False)
    passes.query_vectors(by_checkpoint=False)
    assert embedded[3:] == [3]


def test_a_model_that_is_its_own_original_embeds_queries_once(models):
    same = Models(models.original, models.original, 512, 512)
    passes = Passes(DOCUMENTS, QUERIES, same)
    assert passes.query_vectors(by_checkpoint=True) is passes.query_vectors(by_checkpoint=False)


def test_documents_that_are_not_longer_are_one_chunk(models):
    passes = Passes([document[:100] for document in DOCUMENTS], QUERIES, models)
    assert passes.chunks(128) is passes.chunks(512)
    assert passes.chunks(128).counts.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("usable", "lengths"),
    [(512, (128, 256, 512)), (384, (128, 256, 384)), (128, (128,)), (77, (77,)), (8192, (128, 256, 512, 8192))],
)
def test_chunk_lengths(models, usable, lengths):
    assert Models(models.original, models.original, usable, usable).chunk_lengths == lengths
    assert CHUNK_LENGTHS == (128, 256, 512)


def chunks():
    vectors = np.array([[1, 0], [0, 1], [0, 1], [0.6, 0.8], [1, 0]], dtype=np.float32)
    return Chunks(vectors, np.array([3, 2]))


def test_queries_are_embedded_as_queries_and_all_else_as_documents(models, monkeypatch):
    asked = []
    inner = models.original.embed
    monkeypatch.setattr(models.original, "embed", lambda texts, **side: asked.append(side) or inner(texts, **side))
    passes = Passes(DOCUMENTS, QUERIES, models)
    passes.query_vectors(by_checkpoint=False)
    passes.chunks(128)
    passes.truncated(60)
    assert asked == [{"queries": True}, {}, {}]


def test_means_and_more_of_the_first_chunk():
    np.testing.assert_allclose(chunks().first, [[1, 0], [0.6, 0.8]])
    np.testing.assert_allclose(chunks().means(), [[1 / 3, 2 / 3], [0.8, 0.4]], rtol=1e-6)
    wanted = np.array([[1 / 3 + 0.5, 2 / 3], [0.8 + 0.3, 0.4 + 0.4]])
    np.testing.assert_allclose(chunks().means(0.5), wanted / 1.5, rtol=1e-6)


def test_the_best_chunk_counts():
    queries = np.array([[0, 1], [1, 0]], dtype=np.float32)
    np.testing.assert_allclose(chunks().best(queries, EVERY), [[1, 0.8], [1, 1]])
    np.testing.assert_allclose(chunks().best(queries, slice(1, 2)), [[0.8], [1]], rtol=1e-6)


def unit(vector):
    return np.array(vector) / np.linalg.norm(vector)


def test_a_pass_within_a_pass_is_counted_once(models):
    passes = Passes(DOCUMENTS, QUERIES, models)
    passes.means(128)
    assert passes.spent == passes.seconds["means", 128, 0.0] >= passes.seconds["chunks", 128]
    before = passes.spent
    passes.means(128)
    assert passes.spent == before


def test_sets_of_the_same_documents_embed_each_once(models, monkeypatch):
    embedded = []
    inner = models.original.embed
    monkeypatch.setattr(
        models.original, "embed", lambda texts, **side: embedded.append(len(texts)) or inner(texts, **side)
    )
    known = {}
    first = Passes(DOCUMENTS[:2], QUERIES[:2], models, known)
    second = Passes(DOCUMENTS[1:], QUERIES[1:], models, known)
    alone = Passes(DOCUMENTS[1:], QUERIES[1:], models)
    assert first.chunks(256).counts.tolist() == second.chunks(256).counts.tolist() == [3, 3]
    assert embedded == [6, 3]
    np.testing.assert_array_equal(second.chunks(256).vectors[:3], first.chunks(256).vectors[3:])
    np.testing.assert_allclose(second.chunks(256).vectors, alone.chunks(256).vectors, atol=1e-6)
