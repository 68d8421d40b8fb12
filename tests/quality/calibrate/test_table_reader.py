"""Texts embedded with a given table: the vectors, and the gradient however many texts fit together."""

import pytest
import torch

from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.table_reader import TableReader
from posembed.quality.models.embedding import load_embedder

KEY = "embeddings.position_embeddings.weight"
TEXTS = [[7, 8, 9, 10], [11, 12], [13] * 9, [14, 15, 16]]


@pytest.fixture
def make(embedder):
    """A reader of the small embedder, and a table of other rows than its own."""

    def make_(at_once):
        loaded = load_embedder(embedder)
        own = loaded.with_model(FrozenModel(loaded.model, KEY), "fp32")
        table = loaded.model.get_parameter(KEY).detach().flip(0).requires_grad_()
        return TableReader(own, at_once), table

    return make_


def test_the_given_table_is_read(make):
    reader, table = make(4)
    plain = torch.from_numpy(reader.embedder.embed(TEXTS))
    found = reader.embed(table, TEXTS)
    assert not torch.allclose(found, plain, atol=1e-3)
    torch.testing.assert_close(reader.pooled(table, TEXTS), found, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.from_numpy(reader.embedder.embed(TEXTS)), plain)


@pytest.mark.parametrize("tokens_loss", [None, lambda number, states: (1 + number) * states[0].square().sum()])
@pytest.mark.parametrize("at_once", [0, 1, 2, 3])
def test_the_gradient_does_not_depend_on_how_many_fit_together(make, at_once, tokens_loss):
    outcomes = []
    for size in (len(TEXTS), at_once):
        reader, table = make(size)
        other = torch.full((1,), 0.5, requires_grad=True)
        loss = reader.backward(
            table, TEXTS, lambda vectors, other=other: other * (vectors[0] - vectors[2]).norm() ** 3, tokens_loss
        )
        outcomes.append((torch.tensor(loss), table.grad, other.grad))
    for one, several in zip(*outcomes, strict=True):
        assert float(one.abs().max()) > 0
        torch.testing.assert_close(several, one, rtol=1e-4, atol=1e-6)


def test_a_loss_of_tokens_is_added_to_that_of_vectors(make):
    reader, table = make(4)
    with reader.model.reading(table), torch.no_grad():
        tokens = reader.embedder.pooled_with_tokens(TEXTS)[1]
    loss = reader.backward(table, TEXTS, lambda vectors: vectors.sum() * 0, lambda _, states: states.square().sum())
    assert loss == pytest.approx(sum(float(each.square().sum()) for each in tokens), rel=1e-5)


def test_half_as_many_texts(make):
    reader = make(5)[0]
    assert [(reader.halve(), reader.at_once) for _ in range(3)] == [(True, 2), (True, 1), (False, 1)]
