"""How many inputs go together, and layers that are computed again where not one fits."""

from types import SimpleNamespace

import pytest
import torch

from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.memory import inputs_at_once, recompute_layers, scored_at_once
from tests.quality.calibrate.test_frozen import KEY, model_of

GIB = 1 << 30


def sized(**config):
    """A model that is nothing but its configuration."""
    return SimpleNamespace(config=SimpleNamespace(**config))


BASE = {"num_hidden_layers": 12, "hidden_size": 768}


@pytest.mark.parametrize(
    ("config", "length", "logits", "count"),
    [
        (BASE, 1024, False, 3 * GIB // (4 * 34 * 12 * 768 * 1024)),
        (BASE, 1, False, 3 * GIB // (4 * 34 * 12 * 768)),
        (BASE | {"vocab_size": 100}, 1, True, 3 * GIB // (4 * (34 * 12 * 768 + 400))),
        (BASE, 4096, False, 0),  # BERT base at 4,096 tokens: layers are computed again
        (BASE | {"vocab_size": 50257}, 512, True, 3 * GIB // (4 * (34 * 12 * 768 + 4 * 50257) * 512)),
        (BASE | {"vocab_size": 50257}, 512, False, 3 * GIB // (4 * 34 * 12 * 768 * 512)),
        (BASE | {"vocab_size": "many"}, 512, True, 3 * GIB // (4 * 34 * 12 * 768 * 512)),
        ({"num_hidden_layers": 12}, 512, False, 1),
        ({"hidden_size": 768}, 512, False, 1),
    ],
)
def test_activations_fit_into_three_gib(config, length, logits, count):
    assert inputs_at_once(sized(**config), length, logits=logits) == count


def test_known_counts():
    """By hand: MiniLM's documents of 1,024 tokens, and BERT base's of 512."""
    assert inputs_at_once(sized(num_hidden_layers=6, hidden_size=384), 1024) == 10
    assert inputs_at_once(sized(**BASE), 512) == 5
    assert scored_at_once(sized(vocab_size=50257), 1024) == 3


def test_logits_alone_take_less():
    assert scored_at_once(sized(vocab_size=40), 16) == 3 * GIB // (4 * 4 * 40 * 16)
    assert scored_at_once(sized(vocab_size=40), 1 << 30) == 1
    assert scored_at_once(torch.nn.Linear(2, 2), 16) == 1
    assert inputs_at_once(torch.nn.Linear(2, 2), 16) == 1


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


class Layer(torch.nn.Module):
    """A layer with a switch, a dropout of its own and rates in its fields."""

    def __init__(self):
        super().__init__()
        self.gradient_checkpointing = False
        self.dropout, self.activation_dropout, self.drop_name, self.scale = 0.5, 0.25, "none", 2.0
        self.inner = torch.nn.Dropout(0.5)


class Switched(torch.nn.Module):
    """Switches its layers on as one of Transformers' versions does."""

    supports_gradient_checkpointing = True

    def __init__(self):
        super().__init__()
        self.layer, self.other = Layer(), torch.nn.Dropout(0.5)
        self.asked = []

    def switch(self, how):
        self.asked.append(how)
        self.layer.gradient_checkpointing = True


class Newer(Switched):
    def activation_checkpointing_enable(self, activation_checkpointing_kwargs):
        self.switch(activation_checkpointing_kwargs)


class Older(Switched):
    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs):
        self.switch(gradient_checkpointing_kwargs)


@pytest.mark.parametrize("kind", [Newer, Older])
def test_a_switched_layer_drops_nothing(kind):
    model = kind().eval()
    recompute_layers(model)
    layer = model.layer
    assert model.asked == [{"use_reentrant": False}]
    assert layer.training
    assert not layer.inner.training
    assert not model.other.training
    assert not model.training
    assert (layer.dropout, layer.activation_dropout, layer.drop_name, layer.scale) == (0.0, 0.0, "none", 2.0)


def test_a_model_that_cannot_is_left_as_it_is():
    model = Newer().eval()
    model.supports_gradient_checkpointing = False
    recompute_layers(model)
    assert model.asked == []
    recompute_layers(torch.nn.Linear(2, 2))
