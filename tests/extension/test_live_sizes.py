"""Attributes and configuration fields that repeat a table's size: those that hold the old value change, no others."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from posembed import TableLayout, extend_model
from posembed.errors import InvalidArgumentError
from posembed.extension.config_fields import FieldChange
from posembed.extension.live_sizes import set_config


class Near(nn.Module):
    def __init__(self):
        super().__init__()
        self.wpe = nn.Embedding(16, 8)
        self.max_position_embeddings = 16
        self.max_len = 20  # another number
        self.n_positions = True
        self.unrelated = 16


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.near, self.far = Near(), nn.Module()
        self.far.max_position_embeddings = 16
        self.far.table = nn.Embedding(16, 8)
        self.max_seq_len = 16


@pytest.mark.parametrize(("limit", "after"), [(16, 24), (12, 12)])
def test_a_tokenizer_inside_cuts_at_the_new_length(limit, after):
    model = Model()
    model.near.tokenizer = SimpleNamespace(model_max_length=limit)
    model.far.tokenizer = SimpleNamespace(model_max_length=16)
    extend_model(model, 24)
    assert (model.near.tokenizer.model_max_length, model.far.tokenizer.model_max_length) == (after, 16)


def test_only_old_values_near_the_table_change():
    model = Model()
    extend_model(model, 24)
    assert (model.near.wpe.num_embeddings, model.near.max_position_embeddings, model.max_seq_len) == (24, 24, 24)
    assert (model.near.max_len, model.near.n_positions, model.near.unrelated) == (20, True, 16)
    assert (model.far.max_position_embeddings, model.far.table.num_embeddings) == (16, 16)


class Config:
    def __init__(self, **fields):
        vars(self).update(fields)

    def to_dict(self):
        return {name: value.to_dict() if isinstance(value, Config) else value for name, value in vars(self).items()}


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.position_embeddings = nn.Parameter(torch.randn(1, 17, 8))
        self.num_patches, self.grid_size, self.image_size = 16, (4, 4), [32, 32]
        self.patch_embed = nn.Module()
        self.patch_embed.img_size, self.patch_embed.num_patches = 32, 16


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Patches()
        self.config = Config(model_type="vit", image_size=32, patch_size=8, inner=Config(image_size=32))


@pytest.mark.parametrize(("size", "pixels", "one"), [(48, [48, 48], 48), ((48, 32), [48, 32], (48, 32))])
def test_what_image_modules_remember(size, pixels, one):
    model = Vision()
    (change,) = extend_model(model, image_size=size)
    near = model.embeddings
    assert change.layout == TableLayout(grid=(pixels[0] // 8, pixels[1] // 8), prefix=1)
    assert (near.num_patches, near.grid_size) == (pixels[0] * pixels[1] // 64, (pixels[0] // 8, pixels[1] // 8))
    assert near.image_size == pixels
    assert (near.patch_embed.img_size, near.patch_embed.num_patches) == (one, near.num_patches)
    assert model.config.image_size in (one, list(pixels))
    assert model.config.inner.image_size == 32


def change(path, before, after):
    return FieldChange(Path("config"), path, before, after, "")


def test_configuration_fields_are_set_in_objects_and_dictionaries():
    model = nn.Module()
    model.config = Config(a=1, inner=Config(b=2), plain={"c": 3})
    set_config(model, [change(("a",), 1, 10), change(("inner", "b"), 2, 20), change(("plain", "c"), 3, 30)])
    assert model.config.to_dict() == {"a": 10, "inner": {"b": 20}, "plain": {"c": 30}}


def test_a_configuration_that_refuses_a_value_keeps_all_old_ones():
    class Strict(Config):
        def __setattr__(self, name, value):
            if name == "b" and value != 2:
                raise ValueError("b must be 2")
            super().__setattr__(name, value)

    model = nn.Module()
    model.config = Strict(a=1, b=2)
    with pytest.raises(InvalidArgumentError, match=r"config.b does not take 20: b must be 2"):
        set_config(model, [change(("a",), 1, 10), change(("b",), 2, 20)])
    assert model.config.to_dict() == {"a": 1, "b": 2}


def test_a_part_that_must_have_the_same_size_follows():
    """SAM's prompt encoder lies far from the table, and remembers the image and its patches."""
    transformers = pytest.importorskip("transformers")
    part = {"hidden_size": 16, "image_size": 64, "patch_size": 8}
    vision = {
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "mlp_dim": 16,
        "output_channels": 16,
        "num_pos_feats": 8,
    }
    decoder = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16}
    config = transformers.SamConfig(
        vision_config=part | vision | {"window_size": 3, "global_attn_indexes": [0]},
        prompt_encoder_config=part,
        mask_decoder_config=decoder | {"iou_head_hidden_dim": 16},
    )
    model = transformers.SamModel(config).eval()
    torch.nn.init.normal_(model.vision_encoder.pos_embed, std=0.02)
    extend_model(model, image_size=32, method="bicubic")
    encoder = model.prompt_encoder
    assert (encoder.input_image_size, encoder.image_embedding_size) == (32, (4, 4))
    with torch.no_grad():
        points = torch.tensor([[[[5.0, 9.0]]]])
        masks = model(pixel_values=torch.randn(1, 3, 32, 32), input_points=points).pred_masks
    assert masks.shape[-2:] == (16, 16)
