"""A frozen model reads the table that it is handed, and only that gets a gradient."""

import pytest
import torch
import transformers

from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.memory import inputs_at_once, recompute_layers, scored_at_once

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


@pytest.mark.parametrize("kind", list(KEY))
def test_layers_computed_again_change_no_number(kind):
    grads = []
    for again in (False, True):
        model = model_of(kind)
        frozen = FrozenModel(model, KEY[kind])
        if again:
            recompute_layers(model)
            assert sum(getattr(module, "gradient_checkpointing", False) for module in model.modules()) >= 2
            assert not any(m.training for m in model.modules() if isinstance(m, torch.nn.Dropout))
        leaf = model.get_parameter(KEY[kind]).detach().clone().requires_grad_()
        calls = []
        blocks = {"gpt2": "h", "bert": "encoder.layer", "opt": "decoder.layers"}
        inners = {"gpt2": "attn", "bert": "intermediate", "opt": "self_attn"}
        block = model.get_submodule(blocks[kind])[0]
        block.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        inner = block.get_submodule(inners[kind])
        inner.register_forward_hook(lambda *_, calls=calls: calls.append(2))
        with frozen.reading(leaf):
            frozen(input_ids=torch.arange(16)[None]).last_hidden_state.square().sum().backward()
        assert calls.count(2) == (2 if again else 1)
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads)


def test_memory_decides_how_many_go_together():
    model = model_of("bert")
    assert inputs_at_once(model, 16) > 1000
    assert inputs_at_once(model, 1 << 30) == 0
    assert inputs_at_once(torch.nn.Linear(2, 2), 16) == 1
    with_logits = inputs_at_once(model, 16, logits=True)  # 4 numbers a word beside 34 for each layer and unit
    assert inputs_at_once(model, 16) / with_logits == pytest.approx(1 + 4 * 40 / (34 * 2 * 32), rel=1e-3)
    assert scored_at_once(model, 1 << 30) == 1
    assert scored_at_once(model, 16) == (3 << 30) // (4 * 4 * 40 * 16)
    assert scored_at_once(torch.nn.Linear(2, 2), 16) == 1
