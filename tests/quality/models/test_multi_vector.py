"""Scores of multi-vector models are those of sentence-transformers, which saved the models."""

import sys

import numpy as np
import pytest
import torch

from posembed import extend_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from posembed.extension import length_aware
from posembed.quality.models.library import has_library
from posembed.quality.models.multi_vector import load_multi_vector
from tests.fixtures.library_models import save_whole
from tests.fixtures.small_models import WORDS

sentence_transformers = pytest.importorskip("sentence_transformers") if has_library() else None
pytestmark = [
    pytest.mark.skipif(not hasattr(sentence_transformers, "MultiVectorEncoder"), reason="no MultiVectorEncoder"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
PROMPTS = {"query": f"{' '.join(WORDS[50:53])} ", "document": f"{WORDS[60]} "}


@pytest.fixture(scope="module")
def save(embedder, tmp_path_factory):
    """``save(*modules, transformer={}, **settings)``: a random MultiVectorEncoder of 64 positions."""
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling, MultiVectorMask

    made = {
        "dense": lambda: Dense(32, 8, module_input_name="token_embeddings", module_output_name="token_embeddings"),
        "skiplist": lambda: MultiVectorMask(skiplist_words=list(WORDS[::7])),
        "mask": MultiVectorMask,
        "normalize": lambda: Normalize(module_input_name="token_embeddings"),
        "pooled": lambda: HierarchicalTokenPooling(2),
    }

    def saved(*names, transformer=None, **settings):
        torch.manual_seed(0)
        modules = [Transformer(str(embedder), **transformer or {}), *(made[name]() for name in names)]
        folder = tmp_path_factory.mktemp("multi") / "model"
        return save_whole(MultiVectorEncoder(modules=modules, device="cpu", **settings), folder)

    return saved


def texts(longest):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size)) for size in (1, 6, 30, 50, 100, 115) if size <= longest]


def reference(folder):
    model = sentence_transformers.MultiVectorEncoder(str(folder), device="cpu")
    model.max_seq_length = 128
    return model


EXPANDED = {"query_expansion": {"strategy": "fixed", "attend": True, "length": 16}}
LATER = {"query_expansion": {"strategy": "min", "attend": False, "length": 16}}


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        (("mask", "normalize"), {}),
        (("dense", "skiplist", "normalize"), {"prompts": PROMPTS}),
        (("dense", "skiplist", "normalize"), {"prompts": PROMPTS, "transformer": EXPANDED}),
        (("mask", "normalize"), {"transformer": LATER, "similarity_fn_name": "meanmaxsim"}),
        (("mask", "normalize", "pooled"), {"transformer": {"query_length": 8}}),
    ],
)
def test_vectors_and_scores_equal_the_library_s(save, tmp_path, names, settings):
    folder = save(*names, **settings)
    extend_checkpoint(folder, tmp_path / "new", 128, method="stretch")
    for place, longest in ((folder, 50), (tmp_path / "new", 115)):
        found, model, some = load_multi_vector(place), reference(place), texts(longest)
        queries, documents = some[:3], some
        wanted = model.encode_query(queries), model.encode_document(documents)
        ids = [[found.encode(text) for text in each] for each in (queries, documents)]
        for own, other in zip(found._documents(ids[1]), wanted[1], strict=True):
            torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-5)
        scores = found.scores(*ids)
        np.testing.assert_allclose(scores, model.similarity(*wanted), rtol=1e-5)
        assert np.ptp(scores) > 1e-3


def test_a_limit_counts_special_tokens_and_the_prompt(save):
    found = load_multi_vector(save("mask", "normalize", prompts=PROMPTS))
    assert found.special == 2 + 1
    document, query = found.encode(" ".join(WORDS[:40])), found.encode(WORDS[3])
    cut = found.scores([query], [document], limit=23)
    np.testing.assert_array_equal(cut, found.scores([query], [document[:20]]))
    assert cut != found.scores([query], [document])


def test_the_library_s_own_limits(save):
    """A document is read whole; where the library would cut it is a limit that the files store."""
    found = load_multi_vector(save("mask", "normalize", transformer={"document_length": 20, "query_length": 9}))
    assert (found.stored_limit, found.document_length, found.query_length) == (20, 20, 9)
    query, document = found.encode(WORDS[3]), found.encode(" ".join(WORDS[:40]))
    cut = reference_scores(found, WORDS[3], " ".join(WORDS[:40]))
    np.testing.assert_allclose(found.scores([query], [document], limit=20), cut, rtol=1e-5)
    assert abs(found.scores([query], [document]) - cut) > 1e-4  # tokens behind it change those before
    expanded = load_multi_vector(save("mask", "normalize", transformer=EXPANDED))
    assert (expanded.query_length, expanded.document_length) == (16, None)


def reference_scores(found, query, document):
    scores = found.whole.similarity(found.whole.encode_query([query]), found.whole.encode_document([document]))
    return scores.numpy()


def test_length_aware_tables_are_loaded(save, monkeypatch):
    folder, seen = save("mask"), []
    monkeypatch.setattr(length_aware, "load_length_aware", lambda model, _: seen.append(type(model).__name__))
    (folder / "length_aware.safetensors").write_bytes(b"")
    load_multi_vector(folder)
    assert seen == ["BertModel"]


def test_the_library_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"evaluating a multi-vector model needs .*posembed\[quality\]"):
        load_multi_vector(tmp_path)


def test_a_version_without_the_class(tmp_path, monkeypatch):
    monkeypatch.delattr(sentence_transformers, "MultiVectorEncoder")
    with pytest.raises(InvalidArgumentError, match=r"has no class for it: install version 6\.2 or newer"):
        load_multi_vector(tmp_path)


def test_files_that_do_not_load(save):
    folder = save("mask")
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointError, match=r"cannot be loaded: "):
        load_multi_vector(folder)
