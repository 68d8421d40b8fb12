"""Vectors by hand, with a model whose states are known."""

import numpy as np
import pytest
import torch

from posembed.quality.models import memory
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.head import PlainHead
from posembed.quality.models.prompts import Prompts


@pytest.fixture
def embedder(states, letters):
    return Embedder(states, letters())


def unit(vector):
    vector = np.asarray(vector, dtype=np.float64)
    return vector / np.linalg.norm(vector)


def test_special_tokens_stand_where_the_tokenizer_puts_them(states, letters):
    for prefix, suffix in (([1], [2, 3]), ([], [3]), ([5, 6], []), ([], [])):
        one = Embedder(states, letters(prefix, suffix))
        assert (one.prefix, one.suffix, one.special) == (prefix, suffix, len(prefix) + len(suffix))
    assert Embedder(states, letters()).encode("ab") == [97, 98]


def test_the_mean_is_over_all_tokens_of_a_text(embedder):
    vectors = embedder.embed([[10, 20], [7]])
    np.testing.assert_allclose(vectors[0], unit([(1 + 10 + 20 + 2 + 3) / 5, 2, 1]), rtol=1e-6)
    np.testing.assert_allclose(vectors[1], unit([(1 + 7 + 2 + 3) / 4, 1.5, 1]), rtol=1e-6)
    assert vectors.dtype == np.float32


def test_cls_is_the_first_token(states, letters):
    vectors = Embedder(states, letters([4], [2]), PlainHead("cls")).embed([[10, 20], [7, 8, 9]])
    np.testing.assert_allclose(vectors, [unit([4, 0, 1])] * 2, rtol=1e-6)


def test_the_order_is_kept_whatever_the_batches_are(embedder, monkeypatch):
    texts = [[10 + size] * size for size in (7, 3, 40, 21, 1, 33)]
    together = embedder.embed(texts)
    assert embedder.model.seen[-1] == (6, 43)
    monkeypatch.setattr(memory, "TOKENS_PER_BATCH", 1)
    np.testing.assert_allclose(embedder.embed(texts), together, rtol=1e-6)
    assert embedder.model.seen[-6:] == [(1, 43), (1, 36), (1, 24), (1, 10), (1, 6), (1, 4)]


@pytest.mark.parametrize(("limit", "rows"), [(43 * 2, 2), (43 * 2 - 1, 1), (43 * 4 + 42, 4)])
def test_a_batch_has_room_for_its_longest_text(embedder, monkeypatch, limit, rows):
    monkeypatch.setattr(memory, "TOKENS_PER_BATCH", limit)
    embedder.embed([[10] * 40] * 6)
    assert embedder.model.seen[0] == (rows, 43)


def test_a_batch_is_as_wide_as_its_longest_text(embedder, monkeypatch):
    monkeypatch.setattr(memory, "TOKENS_PER_BATCH", 43 * 2)
    embedder.embed([[10], [10] * 40, [10] * 2, [10] * 30])
    assert embedder.model.seen == [(2, 43), (2, 5)]


def test_a_batch_of_the_usual_size(embedder):
    """16 documents of 509 letters and 3 special tokens make 8,192 tokens."""
    embedder.embed([[10] * 509] * 17)
    assert embedder.model.seen == [(16, 512), (1, 512)]


def test_a_text_longer_than_a_batch(embedder):
    embedder.embed([[10] * 9000] * 2)
    assert embedder.model.seen == [(1, 9003), (1, 9003)]


def test_truncated(embedder):
    text = list(range(10, 90))
    np.testing.assert_array_equal(embedder.embed_truncated([text], 33), embedder.embed([text[:30]]))


def test_chunks_are_averaged(embedder):
    text, short = list(range(10, 95)), [9, 9]
    parts = embedder.embed([text[:30], text[30:60], text[60:]])
    found = embedder.embed_chunked([text, short, []], 33)
    np.testing.assert_allclose(found[0], unit(parts.mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(found[1:], embedder.embed([short, []]), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    exact = embedder.embed_chunked([text[:60]], 33)[0]
    np.testing.assert_allclose(exact, unit(parts[:2].mean(axis=0)), rtol=1e-5)


def test_chunks_and_beginnings_from_one_pass(embedder):
    texts = [list(range(10, 95)), [9, 9], [], list(range(20, 70))]
    means, beginnings = embedder.embed_chunks(texts, 33)
    np.testing.assert_allclose(means, embedder.embed_chunked(texts, 33), rtol=1e-6)
    np.testing.assert_allclose(beginnings, embedder.embed_truncated(texts, 33), rtol=1e-6)


def test_precision(states, letters):
    half = Embedder(states, letters(), precision="bf16")
    half.embed([[10]])
    half.in_float32().embed([[10]])
    Embedder(states, letters()).embed([[10]])
    assert states.dtypes == [True, False, False]
    assert half.in_float32().model is states
    assert Embedder(states, letters(), PlainHead("cls")).in_float32().pooling == "cls"


def test_gradients_flow_through_pooled_alone(embedder):
    assert embedder.pooled([[10, 20]]).requires_grad
    assert not embedder.model.training
    embedder.embed([[10]])
    assert torch.is_grad_enabled()


def test_tokens_of_a_text_are_its_own(states, letters, monkeypatch):
    texts = [[10 + size] * size for size in (5, 0, 3)]
    for prompts, before in ((Prompts(), 1), (Prompts("", "ab"), 3)):
        found = Embedder(states, letters(), prompts=prompts)
        for budget in (1, 100):
            monkeypatch.setattr(memory, "TOKENS_PER_BATCH", budget)
            vectors, tokens = found.embed_with_tokens(texts)
            np.testing.assert_allclose(vectors, found.embed(texts), rtol=1e-6)
            for text, own in zip(texts, tokens, strict=True):
                assert own[:, 0].tolist() == text
                assert own[:, 1].tolist() == list(range(before, before + len(text)))
                assert not own.requires_grad
    vectors, tokens = found.pooled_with_tokens(texts)
    assert vectors.requires_grad
    assert tokens[0].requires_grad


def test_late_chunks_are_pooled_from_the_states_of_the_whole_text(embedder):
    text, short = list(range(10, 95)), [9, 9]
    whole, late = embedder.embed_late([text, short, []], (33, 63))
    np.testing.assert_array_equal(whole, embedder.embed([text, short, []]))
    ids = [1, *text, 2, 3]
    states = np.array([[token, place, 1] for place, token in enumerate(ids)], dtype=np.float64)
    # 30 letters a chunk; the special tokens belong to the first and the last chunk.
    wanted = [states[:31], states[31:61], states[61:]]
    np.testing.assert_allclose(late[33][0], [unit(part.mean(axis=0)) for part in wanted], rtol=1e-5)
    np.testing.assert_allclose(late[63][0], [unit(part.mean(axis=0)) for part in (states[:61], states[61:])], rtol=1e-5)
    for chunks in (late[33], late[63]):
        np.testing.assert_allclose(np.concatenate(chunks[1:]), whole[1:], rtol=1e-6)


def test_late_chunks_do_not_depend_on_the_batch(embedder, monkeypatch):
    texts = [[10 + size] * size for size in (70, 3, 40)]
    together = embedder.embed_late(texts, (23,))[1][23]
    monkeypatch.setattr(memory, "TOKENS_PER_BATCH", 1)
    for one, other in zip(embedder.embed_late(texts, (23,))[1][23], together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert [len(chunks) for chunks in together] == [4, 1, 2]


def test_a_first_token_has_no_late_chunks(states, letters):
    assert Embedder(states, letters()).has_late_chunks
    assert not Embedder(states, letters(), PlainHead("cls")).has_late_chunks


def test_chunks_cover_the_text(embedder):
    assert embedder.cut([[1, 2, 3, 4, 5], [], [6]], 5) == [[[1, 2], [3, 4], [5]], [[]], [[6]]]


def test_input_vectors(states, letters):
    embedder = Embedder(states, letters())
    assert embedder.input_vectors() is None
    states.get_input_embeddings = lambda: torch.nn.Embedding.from_pretrained(torch.eye(3, dtype=torch.bfloat16))
    np.testing.assert_array_equal(embedder.input_vectors(), np.eye(3))
    assert embedder.input_vectors().dtype == np.float32
    states.get_input_embeddings = lambda: torch.nn.Identity()
    assert embedder.input_vectors() is None


def test_the_stored_limit_stays_in_float32(states, letters):
    assert Embedder(states, letters(), stored_limit=256).in_float32().stored_limit == 256
    assert Embedder(states, letters()).stored_limit is None


def test_dot_products_need_vectors_as_they_are(states, letters):
    found = Embedder(states, letters(), similarity="dot")
    exact = found.embed([[10, 20]])
    np.testing.assert_allclose(exact, [[(1 + 10 + 20 + 2 + 3) / 5, 2, 1]], rtol=1e-6)
    np.testing.assert_allclose(found.by_cosine().embed([[10, 20]]), [unit(exact[0])], rtol=1e-6)
    np.testing.assert_allclose(found.embed_chunked([[10, 20]], 4), [[(10 + 20) / 8 + 1.5, 1.5, 1]], rtol=1e-6)
    np.testing.assert_array_equal(found.scaled(exact), exact)
    np.testing.assert_allclose(found.by_cosine().scaled(exact), [unit(exact[0])], rtol=1e-6)
    assert found.in_float32().similarity == "dot"


def test_another_model_is_called_the_same_way(states, letters):
    found = Embedder(states, letters(), PlainHead("cls"), "bf16", 7, Prompts("ab", "c"), "dot")
    other = found.with_model(torch.nn.Identity(), "fp32")
    assert isinstance(other.model, torch.nn.Identity)
    assert (found.model, found.precision) == (states, "bf16")
    assert {name for name in vars(found) if vars(found)[name] is not vars(other)[name]} == {
        "model",
        "precision",
        "_batch",
    }
