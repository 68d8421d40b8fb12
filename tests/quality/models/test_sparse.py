"""Vectors of sparse encoders are those of sentence-transformers, which saved the models."""

import json
import sys

import numpy as np
import pytest
import torch
from scipy import sparse

from posembed import extend_checkpoint
from posembed.errors import InvalidArgumentError, MissingExtraError
from posembed.extension import length_aware
from posembed.quality.models import memory
from posembed.quality.models.library import has_library
from posembed.quality.models.sparse import POOLED_AT_ONCE, load_sparse
from tests.fixtures.library_models import save_whole
from tests.fixtures.small_models import WORDS

pytestmark = [
    pytest.mark.skipif(not has_library(), reason="no sentence-transformers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
PROMPTS = {"query": f"{' '.join(WORDS[50:56])} ", "document": f"{' '.join(WORDS[60:63])} "}


@pytest.fixture(scope="module")
def save(masked, embedder, tmp_path_factory):
    """``save(name, **settings)``: a random SparseEncoder of 64 positions."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer

    def splade(**pooling):
        return {"modules": [Transformer(str(masked), transformer_task="fill-mask"), SpladePooling(**pooling)]}

    made = {
        "splade": splade,
        "splade, sum": lambda: splade(pooling_strategy="sum"),
        "splade, two logarithms": lambda: splade(activation_function="log1p_relu"),
        "autoencoder": lambda: {"model_name_or_path": str(embedder)},  # mean of states, then a SparseAutoEncoder
    }

    def saved(name="splade", **settings):
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("sparse") / "model"
        return save_whole(SparseEncoder(**made[name](), **settings, device="cpu"), folder)

    return saved


def texts(longest):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size)) for size in (1, 6, 30, 50, 100, 110) if size <= longest]


def reference(folder):
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(folder), device="cpu")
    model.max_seq_length = 128
    return model


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("splade", {}),
        ("splade", {"prompts": PROMPTS}),
        ("splade", {"max_active_dims": 7}),
        ("splade", {"similarity_fn_name": "cosine"}),
        ("splade, sum", {}),
        ("splade, two logarithms", {}),
        ("autoencoder", {"prompts": PROMPTS}),
        ("autoencoder", {"max_active_dims": 3}),
    ],
)
def test_vectors_and_scores_equal_the_library_s(save, tmp_path, name, settings):
    folder = save(name, **settings)
    extend_checkpoint(folder, tmp_path / "new", 128, method="stretch")
    for place, longest in ((folder, 50), (tmp_path / "new", 110)):
        found, model, some = load_sparse(place), reference(place), texts(longest)
        ids = [found.encode(text) for text in some]
        queries, documents = found.embed(ids, queries=True), found.embed_late(ids, ())[0]
        assert sparse.issparse(queries)
        wanted = [model.encode_query(some), model.encode_document(some)]
        scores = model.similarity(*wanted)
        if "similarity_fn_name" in settings:
            wanted = [torch.nn.functional.normalize(each.to_dense()).to_sparse() for each in wanted]
        for vectors, own in zip((queries, documents), wanted, strict=True):
            np.testing.assert_allclose(vectors.toarray(), own.to_dense(), atol=1e-5)
        np.testing.assert_allclose((queries @ documents.T).toarray(), scores.to_dense(), rtol=1e-5)
        if "max_active_dims" in settings:
            assert (np.diff(documents.indptr) <= settings["max_active_dims"]).all()
            assert found.pooling.endswith(f"largest {settings['max_active_dims']} weights")


def test_a_text_is_pooled_in_slices(save):
    found = load_sparse(save())
    assert [each.chunk_size for each in found.head.modules] == [POOLED_AT_ONCE]


def test_late_chunks_are_those_of_states(save):
    assert not load_sparse(save()).has_late_chunks
    found = load_sparse(save("autoencoder"))
    assert found.has_late_chunks
    whole, late = found.embed_late([found.encode(text) for text in texts(30)], (64, 17))
    assert [len(late[length]) for length in (64, 17)] == [3, 3]
    np.testing.assert_allclose(sparse.vstack(late[64]).toarray(), whole.toarray(), atol=1e-5)
    assert late[17][2].shape == (2, whole.shape[1])


def test_the_weights_of_a_batch_are_bounded(save, monkeypatch):
    found = load_sparse(save())
    vocabulary = found.model.config.vocab_size
    monkeypatch.setattr(memory, "_OUTPUT_BYTES", 100 * vocabulary * 4)
    ids = [found.encode(" ".join(WORDS[:28]))] * 9
    sizes = []
    found.model.register_forward_hook(lambda _, __, output: sizes.append(output.logits.shape[:2]))
    found.embed(ids)
    assert sizes == [(3, 30)] * 3


def test_how_vectors_are_compared(save):
    assert load_sparse(save()).similarity == "dot"
    folder = save(similarity_fn_name="euclidean")
    with pytest.raises(InvalidArgumentError, match=r"compares vectors by 'euclidean'"):
        load_sparse(folder)
    settings = folder / "config_sentence_transformers.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    del said["similarity_fn_name"]
    settings.write_text(json.dumps(said), encoding="utf-8")
    assert load_sparse(folder).similarity == "dot"


def test_scaled_means(save):
    found = load_sparse(save(similarity_fn_name="cosine"))
    vectors = found.embed([found.encode(text) for text in texts(30)])
    scaled = found.scaled(3 * vectors)
    np.testing.assert_allclose(np.linalg.norm(scaled.toarray(), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(scaled.toarray(), vectors.toarray(), atol=1e-6)


def test_length_aware_tables_are_loaded(save, monkeypatch):
    folder, seen = save(), []
    monkeypatch.setattr(length_aware, "load_length_aware", lambda model, _: seen.append(type(model).__name__))
    (folder / "length_aware.safetensors").write_bytes(b"")
    load_sparse(folder)
    assert seen == ["RobertaForMaskedLM"]


def test_the_library_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"evaluating a sparse encoder needs .*posembed\[quality\]"):
        load_sparse(tmp_path)
