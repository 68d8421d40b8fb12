"""Live models extended in place: the same parameters, longer; everything that knows their size follows, or nothing."""

from __future__ import annotations

import copy
import importlib

import pytest
import torch
from torch import nn

from posembed import (
    LearnedPositionalEmbedding,
    Override,
    TableLayout,
    TokenPositionEmbedding,
    extend_model,
    extend_table,
)
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension.live import learned_tables

BERT = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
VIT = {key: value for key, value in BERT.items() if key != "vocab_size"} | {"image_size": 32, "patch_size": 8}
IDS = torch.arange(5, 21)[None]
LONG = torch.arange(24)[None] % 40 + 5


def make(name, config):
    transformers = importlib.import_module("transformers")
    kind = getattr(transformers, name)
    return kind(kind.config_class(**config)).eval()


def bert(**more):
    return make("BertModel", BERT | {"max_position_embeddings": 16} | more)


def state(model):
    """All that could change: values, identities, module attributes, the configuration."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    attributes = {
        (name, key): copy.copy(value)
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, int | float | str | tuple | list)
    }
    config = model.config.to_dict() if hasattr(model, "config") else {}
    return {name: (id(t), t.shape, t.detach().clone().tolist()) for name, t in tensors.items()}, attributes, config


# --- what follows the table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_bert(dtype):
    model = bert().to(dtype)
    table = model.embeddings.position_embeddings
    weight, before = table.weight, table.weight.detach().clone()
    expected = model(IDS)[0]
    (change,) = extend_model(model, 24, method="tile")
    assert (change.table.key, change.layout) == ("embeddings.position_embeddings.weight", TableLayout(length=24))
    assert model.embeddings.position_embeddings is table
    assert table.weight is weight
    assert weight.dtype == dtype
    assert isinstance(weight, nn.Parameter)
    assert torch.equal(weight, torch.cat((before, before[:8])))
    assert (table.num_embeddings, model.config.max_position_embeddings) == (24, 24)
    assert torch.equal(model.embeddings.position_ids, torch.arange(24)[None])
    assert model.embeddings.token_type_ids.shape == (1, 24)
    assert torch.equal(model(IDS)[0], expected)
    assert model(LONG)[0].shape == (1, 24, 32)


@pytest.mark.parametrize(
    ("name", "config", "key", "reserved"),
    [
        ("RobertaModel", BERT | {"max_position_embeddings": 18, "pad_token_id": 1}, "embeddings.position_embeddings",
            2),
        ("GPT2Model", {"vocab_size": 50, "n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 16,
            "bos_token_id": 0, "eos_token_id": 0},
         "wpe", 0),
        ("OPTModel", BERT | {"ffn_dim": 32, "word_embed_proj_dim": 32, "max_position_embeddings": 16},
            "decoder.embed_positions", 2),
        ("DistilBertModel", {"vocab_size": 50, "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 32,
            "max_position_embeddings": 16},
         "embeddings.position_embeddings", 0),
        ("GPTNeoModel", {"vocab_size": 50, "hidden_size": 32, "num_layers": 2, "num_heads": 2, "window_size": 4,
            "bos_token_id": 0,
         "eos_token_id": 0, "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 16}, "wpe", 0),
    ],
)  # fmt: skip
def test_other_families_as_a_saved_and_extended_one(name, config, key, reserved, tmp_path):
    from posembed import extend_checkpoint

    model = make(name, config)
    model.save_pretrained(tmp_path / "source")
    extend_checkpoint(tmp_path / "source", tmp_path / "out", 24, method="linear")
    expected = type(model).from_pretrained(tmp_path / "out").eval()
    extend_model(model, 24)
    assert model.get_submodule(key).num_embeddings == 24 + reserved
    assert {n: t.shape for n, t in model.named_buffers()} == {n: t.shape for n, t in expected.named_buffers()}
    for name, buffer in expected.named_buffers():
        assert torch.equal(model.get_buffer(name), buffer), name
    for name, parameter in expected.named_parameters():
        assert torch.equal(model.get_parameter(name), parameter), name
    with torch.no_grad():
        assert torch.equal(model(LONG)[0], expected(LONG)[0])
    assert model.config.to_diff_dict() == expected.config.to_diff_dict() | {
        k: v for k, v in model.config.to_diff_dict().items() if k in ("architectures", "_name_or_path", "dtype")
    }


SQUARE = ["ViTModel", "DeiTModel", "CLIPVisionModel", "SiglipVisionModel", "Dinov2Model"]


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 48) for name in SQUARE), ("ViTModel", (48, 32)), ("DeiTModel", (48, 32))]
)
def test_image_models(name, size):
    model = make(name, VIT)
    old = copy.deepcopy(model)
    extend_model(model, image_size=size)
    pixels = torch.randn(1, 3, *(size if isinstance(size, tuple) else (size, size)))
    with torch.no_grad():
        more = {} if name == "Dinov2Model" else {"interpolate_pos_encoding": True}
        torch.testing.assert_close(model(pixels)[0], old(pixels, **more)[0], rtol=0, atol=2e-5)
    assert model.config.image_size in (48, [48, 32])


def test_towers_of_clip_one_by_one():
    model = make(
        "CLIPModel",
        {
            "text_config": BERT | {"max_position_embeddings": 16, "eos_token_id": 2},
            "vision_config": VIT,
            "projection_dim": 16,
        },
    )
    extend_model(model, 24)
    extend_model(model, image_size=48)
    assert (model.config.text_config.max_position_embeddings, model.config.vision_config.image_size) == (24, 48)
    out = model(input_ids=LONG, pixel_values=torch.randn(1, 3, 48, 48))
    assert out.logits_per_image.shape == (1, 1)


def test_a_saved_model_loads_at_its_new_length(tmp_path):
    model = bert()
    extend_model(model, 24)
    model.save_pretrained(tmp_path)
    again, report = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert torch.equal(again.eval()(LONG)[0], model(LONG)[0])


# --- modules without a configuration ---------------------------------------------------------------------------------


def test_our_own_modules():
    model = TokenPositionEmbedding(50, 16, 8).eval()
    before = model.position.weight.detach().clone()
    extend_model(model, 40, method="hierarchical")
    assert model.position.max_len == 40
    assert torch.equal(model.position.weight, torch.from_numpy(extend_table(before.numpy(), 40, method="hierarchical")))
    assert model(torch.zeros(1, 40, dtype=torch.int64)).shape == (1, 40, 8)


def test_our_own_module_alone_keeps_its_reserved_rows():
    model = LearnedPositionalEmbedding(16, 8, reserved=2, padding_idx=1)
    before = model.weight.detach().clone()
    extend_model(model, 40, method="tile")
    assert (model.rows, model.max_len, model.layout) == (42, 40, TableLayout(length=40, reserved=2))
    assert torch.equal(model.weight[:18], before)
    assert torch.equal(model.weight[18:34], before[2:])


class Plain(nn.Module):
    def __init__(self, name="wpe", rows=16):
        super().__init__()
        self.wte = nn.Embedding(50, 8)
        self.add_module(name, nn.Embedding(rows, 8))
        self.name, self.register = name, self.register_buffer("mask", torch.ones(3))

    def forward(self, ids):
        return self.wte(ids) + self.get_submodule(self.name)(torch.arange(ids.shape[1]))


def test_a_plain_module():
    model = Plain()
    extend_model(model, 24)
    assert model.wpe.num_embeddings == 24
    assert model(LONG).shape == (1, 24, 8)


def test_a_plain_module_that_says_too_little():
    model = Plain("pos_emb")
    with pytest.raises(
        InvalidArgumentError, match=r"pos_emb.weight mean is uncertain .*override=Override\(key, reserved="
    ):
        extend_model(model, 24)
    extend_model(model, 24, override=Override("pos_emb.weight"))
    assert model(LONG).shape == (1, 24, 8)


# --- training --------------------------------------------------------------------------------------------------------


def test_trainable_or_frozen_as_before():
    for frozen in (True, False):
        model = bert()
        model.embeddings.position_embeddings.weight.requires_grad_(not frozen)
        extend_model(model, 24)
        assert model.embeddings.position_embeddings.weight.requires_grad is not frozen


@pytest.mark.parametrize("kind", [torch.optim.AdamW, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)])
def test_the_optimizers_state_grows(kind):
    model = Plain()
    weight = model.wpe.weight
    optimizer = kind(model.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        model(IDS).square().mean().backward()
        optimizer.step()
    before = {k: v.clone() for k, v in optimizer.state[weight].items() if isinstance(v, torch.Tensor)}
    other = {k: v.clone() for k, v in optimizer.state[model.wte.weight].items() if isinstance(v, torch.Tensor)}
    extend_model(model, 24, method="zeros", optimizer=optimizer)
    after = optimizer.state[weight]
    assert any(value.shape == (16, 8) for value in before.values())
    for name, value in before.items():
        if value.shape == (16, 8):
            assert torch.equal(after[name], torch.cat((value, torch.zeros(8, 8))))
        else:
            assert torch.equal(after[name], value)
    for name, value in other.items():
        assert torch.equal(optimizer.state[model.wte.weight][name], value)
    optimizer.zero_grad()
    model(LONG).square().mean().backward()
    assert weight.grad.shape == (24, 8)
    trained = weight.detach().clone()
    optimizer.step()
    assert not torch.equal(weight, trained)


def test_factored_moments_start_anew():
    model = Plain()
    optimizer = torch.optim.Adafactor(model.parameters())
    model(IDS).square().mean().backward()
    optimizer.step()
    kept = optimizer.state[model.wte.weight]["row_var"].clone()
    extend_model(model, 24, optimizer=optimizer)
    assert torch.equal(optimizer.state[model.wte.weight]["row_var"], kept)
    optimizer.zero_grad()
    model(LONG).square().mean().backward()
    optimizer.step()
    assert optimizer.state[model.wpe.weight]["row_var"].shape == (24, 1)


def test_new_rows_of_interpolation_start_without_moments():
    model = Plain(rows=3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(IDS[:, :3]).square().mean().backward()
    optimizer.step()
    old = optimizer.state[model.wpe.weight]["exp_avg"].clone()
    extend_model(model, 5, optimizer=optimizer)  # linear: rows 0, 2 and 4 are the old ones
    new = optimizer.state[model.wpe.weight]["exp_avg"]
    assert torch.equal(new[[0, 2, 4]], old)
    assert not new[[1, 3]].any()


@pytest.mark.parametrize("name", ["BertModel", "ViTModel", "CLIPVisionModel"])
def test_while_an_output_of_the_old_model_is_alive(name):
    is_text = name == "BertModel"
    model = bert() if is_text else make(name, VIT)
    call = (lambda: model(IDS)[0]) if is_text else (lambda: model(pixel_values=torch.randn(1, 3, 32, 32))[0])
    call().sum().backward()
    alive = call()
    size = {"length": 24} if is_text else {"image_size": 48}
    extend_model(model, **size)
    assert alive.isfinite().all()
    later = model(LONG)[0] if is_text else model(pixel_values=torch.randn(1, 3, 48, 48))[0]
    later.sum().backward()
    table = next(p for n, p in model.named_parameters() if "position_embedding" in n)
    assert table.grad.shape == table.shape


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe, self.out = nn.Embedding(50, 8), nn.Embedding(16, 8), nn.Linear(8, 16, bias=False)
        self.out.weight = self.wpe.weight


def test_tied_weights_stay_tied():
    model = Tied()
    extend_model(model, 24)
    assert model.out.weight is model.wpe.weight
    assert model.out.weight.shape == (24, 8)


# --- all or nothing --------------------------------------------------------------------------------------------------


def broken_buffer(model):
    model.embeddings.position_ids[0, 3] = 99


def not_finite(model):
    with torch.no_grad():
        model.embeddings.position_embeddings.weight[3, 2] = torch.nan


@pytest.mark.parametrize(
    ("spoil", "arguments", "error", "message"),
    [
        (None, {}, InvalidArgumentError, "exactly one of `length`, `grid` and `image_size`"),
        (None, {"length": 16}, InvalidArgumentError, "changes nothing"),
        (None, {"length": 8}, InvalidArgumentError, "method='crop' shortens"),
        (None, {"length": 24, "method": "nonsense"}, InvalidArgumentError, "nonsense"),
        (None, {"length": 24, "alpha": 0.3}, InvalidArgumentError, "has no option 'alpha'"),
        (None, {"length": 300, "method": "hierarchical"}, InvalidArgumentError, "."),
        (None, {"image_size": 48}, InvalidArgumentError, "has no table of that kind"),
        (None, {"length": 24, "tables": ["nope"]}, InvalidArgumentError, "tables='nope' is not a position table"),
        (broken_buffer, {"length": 24}, CheckpointError, "embeddings.position_ids should count"),
        (
            not_finite,
            {"length": 24},
            (InvalidArgumentError, CheckpointError),
            "embeddings.position_embeddings.weight.*row 3 holds nan",
        ),
    ],
)
def test_nothing_changes_unless_everything_can(spoil, arguments, error, message):
    model = bert()
    if spoil is not None:
        spoil(model)
    optimizer = torch.optim.AdamW(model.parameters())
    before = state(model)
    with pytest.raises(error, match=message):
        extend_model(model, optimizer=optimizer, **arguments)
    after = state(model)
    assert str(after) == str(before)  # as text: nan is not nan


def test_a_model_on_the_meta_device():
    with torch.device("meta"):
        model = bert()
    with pytest.raises(InvalidArgumentError, match="is on the meta device and has no values: load the weights first"):
        extend_model(model, 24)


def test_a_model_without_a_table():
    with pytest.raises(InvalidArgumentError, match="model Linear: has no learned position table to extend"):
        extend_model(nn.Linear(2, 2), 24)
    with pytest.raises(InvalidArgumentError, match="has no learned position table"):
        extend_model(TokenPositionEmbedding(50, 16, 8, position="sinusoidal"), 24)


def test_a_weight_that_something_holds_weakly_changes_nothing():
    import weakref

    model = make(
        "BartModel",
        {"vocab_size": 50, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
         "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 16},
    )  # fmt: skip
    held = weakref.ref(model.decoder.embed_positions.weight)
    before = state(model)
    with pytest.raises(InvalidArgumentError, match="Something else holds a table, so it cannot grow in place"):
        extend_model(model, 24)
    assert str(state(model)) == str(before)
    del held
    extend_model(model, 24)
    assert (model.encoder.embed_positions.num_embeddings, model.decoder.embed_positions.num_embeddings) == (26, 26)


def test_learned_tables_are_those_that_training_changes():
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    special = {"pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    whisper = make("WhisperModel", {"vocab_size": 50, "d_model": 16, "max_target_positions": 24} | sizes | special)
    assert [(t.key, t.layout.length) for t in learned_tables(whisper)] == [("decoder.embed_positions.weight", 24)]
    assert [(t.key, t.layout.grid) for t in learned_tables(make("ViTModel", VIT))] == [
        ("embeddings.position_embeddings", (4, 4))
    ]
    assert learned_tables(nn.Linear(4, 4)) == []
