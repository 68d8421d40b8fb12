"""A frozen model reads the table that it is handed, and only that gets a gradient."""

from types import SimpleNamespace

import pytest
import torch
import transformers
from torch import nn

from posembed.quality.calibrate.frozen import FrozenModel

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 40}
KEY = {
    "bert": "embeddings.position_embeddings.weight",
    "gpt2": "wpe.weight",
    "opt": "decoder.embed_positions.weight",
}


def model_of(kind):
    torch.manual_seed(0)
    if kind == "bert":
        return transformers.BertModel(transformers.BertConfig(**SIZES, max_position_embeddings=16))
    if kind == "opt":  # its layers call the function dropout, at rates that are fields of theirs
        sizes = {name: value for name, value in SIZES.items() if name != "intermediate_size"}
        config = transformers.OPTConfig(
            **sizes, ffn_dim=32, word_embed_proj_dim=32, max_position_embeddings=16, dropout=0.5, layerdrop=0.0
        )
        return transformers.OPTModel(config)
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=40, n_positions=16)
    return transformers.GPT2Model(config)


@pytest.mark.parametrize("kind", list(KEY))
def test_it_is_the_model_with_that_table(kind):
    model, other = model_of(kind), model_of(kind)
    ids = torch.randint(40, (2, 16))
    table = torch.randn_like(model.get_parameter(KEY[kind]))
    with torch.no_grad():
        other.eval().get_parameter(KEY[kind]).copy_(table)
    frozen = FrozenModel(model, KEY[kind])
    before = frozen(input_ids=ids).last_hidden_state
    with frozen.reading(table):
        assert torch.equal(frozen(input_ids=ids).last_hidden_state, other(input_ids=ids).last_hidden_state)
    assert torch.equal(frozen(input_ids=ids).last_hidden_state, before)


@pytest.mark.parametrize("kind", list(KEY))
def test_only_the_table_gets_a_gradient_and_the_right_one(kind):
    model, other = model_of(kind), model_of(kind).eval()
    ids = torch.randint(40, (2, 16))
    frozen = FrozenModel(model, KEY[kind])
    leaf = model.get_parameter(KEY[kind]).detach().clone().requires_grad_()
    with frozen.reading(leaf):
        frozen(input_ids=ids).last_hidden_state.square().sum().backward()
    other(input_ids=ids).last_hidden_state.square().sum().backward()
    torch.testing.assert_close(leaf.grad, other.get_parameter(KEY[kind]).grad)
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


class Sum(nn.Module):
    """Gives the sum of its table and of its input."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.ones(2, 2))
        self.config = SimpleNamespace(use_cache=True)

    def forward(self, value):
        return self.table.sum() + value


def test_a_table_is_read_within_its_context_alone():
    frozen = FrozenModel(Sum(), "table")
    with frozen.reading(torch.full((2, 2), 3.0)):
        assert frozen(value=1.0).item() == 13.0
    assert frozen(value=1.0).item() == 5.0
    with pytest.raises(TypeError), frozen.reading(torch.full((2, 2), 3.0)):
        frozen()
    assert frozen(value=1.0).item() == 5.0


def test_a_model_is_frozen_and_stores_no_keys_and_values():
    model = Sum().train()
    frozen = FrozenModel(model, "table")
    assert not model.training
    assert not model.table.requires_grad
    assert model.config.use_cache is False
    assert frozen.config is model.config
    assert list(frozen.parameters()) == [model.table]
    assert frozen.eval() is frozen
    model.config = SimpleNamespace()
    FrozenModel(model, "table")
    assert vars(model.config) == {}  # no field is invented
    del model.config
    assert FrozenModel(model, "table").config is None
