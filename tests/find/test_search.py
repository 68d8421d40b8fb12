"""What is found in checkpoints of all layouts, what stays uncertain, and what the user's word changes."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import Override, TableLayout, find_tables
from posembed.errors import InvalidArgumentError
from posembed.find.sinusoids import looks_sinusoidal

POSITION = "embeddings.position_embeddings.weight"


def only(path, **options):
    (table,) = (table for table in find_tables(path, **options) if table.refused is None)
    return table


def rows(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def alone(tmp_path, tensors, config=None):
    """Tensors in a file, with a configuration beside them or without."""
    save_file({key: rows(*shape) for key, shape in tensors.items()}, tmp_path / "model.safetensors")
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path / "model.safetensors"


def test_what_is_said_of_a_table(bert):
    table = only(bert)
    assert (table.key, table.shape, table.dtype, table.family, table.kind) == (
        POSITION,
        (16, 8),
        "F32",
        "bert",
        "sequence",
    )
    assert (table.file, table.usable_length, table.d_model) == (bert / "model.safetensors", 16, 8)
    assert (table.layout, table.uncertain, table.refused) == (TableLayout(length=16), False, None)
    assert "rows 16 = max_position_embeddings" in table.evidence
    assert json.loads(json.dumps(table.to_dict())) == table.to_dict()


def test_tables_come_first_and_refused_ones_last(bert):
    found = find_tables(bert)
    assert [table.key for table in found] == [POSITION, "embeddings.token_type_embeddings.weight"]
    assert found[1].refused.startswith("a token-type (segment) table")
    assert found[1].usable_length == 0


# --- without a configuration ------------------------------------------------------------------------------------------

VIT = {"cls_token": (1, 1, 8), "blocks.0.norm1.weight": (8,), "patch_embed.proj.weight": (8, 3, 4, 4)}


@pytest.mark.parametrize(
    ("tensors", "layout"),  # a square is likely, and yet a guess where no configuration says the image
    [
        (VIT | {"pos_embed": (1, 197, 8)}, TableLayout(grid=(14, 14), prefix=1)),
        (VIT | {"pos_embed": (1, 196, 8)}, TableLayout(grid=(14, 14))),  # no_embed_class
        (VIT | {"pos_embed": (1, 198, 8), "dist_token": (1, 1, 8)}, TableLayout(grid=(14, 14), prefix=2)),
        (VIT | {"pos_embed": (1, 1370, 8), "reg_token": (1, 4, 8)}, TableLayout(grid=(37, 37), prefix=1)),
        ({"pos_embed": (1, 256, 8), "patch_embed.proj.weight": (8, 3, 4, 4)}, TableLayout(grid=(16, 16))),
        ({"pos_embed": (1, 14, 14, 8)}, TableLayout(grid=(14, 14))),
        ({"pos_embed": (1, 8, 14, 14)}, TableLayout(grid=(14, 14))),
        ({"pos_embed": (1, 10, 14, 64)}, TableLayout(grid=(10, 14))),
    ],
)
def test_timm(tmp_path, tensors, layout):
    table = only(alone(tmp_path, tensors))
    explicit = len(tensors["pos_embed"]) == 4
    assert table.resize == ("bicubic", True, False)  # timm's own filter
    assert (table.key, table.layout, table.kind, table.uncertain) == ("pos_embed", layout, "grid", not explicit)


@pytest.mark.parametrize(
    ("tensors", "image", "layout"),
    [
        (VIT | {"pos_embed": (1, 197, 8)}, [3, 224, 224], TableLayout(grid=(14, 14), prefix=1)),
        (VIT | {"pos_embed": (1, 197, 8)}, [3, 112, 448], TableLayout(grid=(7, 28), prefix=1)),
        (VIT | {"pos_embed": (1, 196, 8)}, [3, 112, 448], TableLayout(grid=(7, 28))),
        (
            VIT | {"pos_embed": (1, 1370, 8), "reg_token": (1, 4, 8)},
            [3, 518, 518],
            TableLayout(grid=(37, 37), prefix=1),
        ),
    ],
)
def test_timm_with_its_configuration(tmp_path, tensors, image, layout):
    file = alone(tmp_path, tensors)
    config = {"architecture": "vit_base_patch16_224", "num_classes": 0, "pretrained_cfg": {"input_size": image}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    table = only(file)
    assert (table.layout, table.uncertain, table.resize) == (layout, False, ("bicubic", True, False))


@pytest.mark.parametrize(("kernel", "side"), [({"patch_embed.proj.weight": (8, 3, 16, 16)}, 16), ({}, 16),
                                              ({"patch_embed.backbone.conv.weight": (8, 3, 15, 15)}, 15)])  # fmt: skip
def test_the_patch_is_the_one_that_cuts_the_image(tmp_path, kernel, side):
    """224 pixels make 14 × 14 patches of 16, of 15 too when rounded down: the kernel, else what divides, tells."""
    file = alone(tmp_path, {"cls_token": (1, 1, 8), "pos_embed": (1, 197, 8)} | kernel)
    config = {"architecture": "vit_tiny_patch16_224", "pretrained_cfg": {"input_size": [3, 224, 224]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (rule,) = only(file).fields
    assert rule.amount == (side, side)


def test_open_clip(tmp_path):
    file = alone(
        tmp_path,
        {"positional_embedding": (77, 8), "visual.positional_embedding": (50, 8), "visual.class_embedding": (8,)},
    )
    found = {table.key: table for table in find_tables(file)}
    assert found["positional_embedding"].layout == TableLayout(length=77)
    assert found["visual.positional_embedding"].layout == TableLayout(grid=(7, 7), prefix=1)
    assert {table.key: table.uncertain for table in found.values()} == {
        "positional_embedding": False,
        "visual.positional_embedding": True,  # 50 = 7 × 7 + 1 only if the image is square
    }


def test_an_open_clip_configuration(tmp_path):
    file = alone(tmp_path, {"positional_embedding": (64, 8), "visual.trunk.pos_embed": (1, 36, 8)})
    config = {"model_cfg": {"text_cfg": {"context_length": 64}, "vision_cfg": {"image_size": 96, "patch_size": 16}}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    found = {table.key: table for table in find_tables(file)}
    assert found["positional_embedding"].layout == TableLayout(length=64)
    assert found["visual.trunk.pos_embed"].layout == TableLayout(grid=(6, 6))


def test_gpt2_without_a_configuration(tmp_path):
    table = only(alone(tmp_path, {"transformer.wpe.weight": (1024, 8)}))
    assert (table.layout, table.uncertain) == (TableLayout(length=1024), False)


@pytest.mark.parametrize("rows_", [512, 514, 100, 23])
def test_position_embeddings_alone_are_uncertain(tmp_path, rows_):
    table = only(alone(tmp_path, {POSITION: (rows_, 8)}))
    assert table.uncertain
    assert "no configuration field explains its rows" in table.evidence


# --- unknown architectures --------------------------------------------------------------------------------------------


def test_an_unknown_architecture_that_its_configuration_explains(tmp_path):
    config = {"model_type": "never-seen", "max_position_embeddings": 40, "hidden_size": 8}
    table = only(alone(tmp_path, {"core.position_embeddings.weight": (40, 8)}, config))
    assert (table.layout, table.family, table.uncertain) == (TableLayout(length=40), "never-seen", False)


def test_two_rows_more_than_the_field_stand_before_position_0(tmp_path):
    config = {"model_type": "never-seen", "max_position_embeddings": 40}
    table = only(alone(tmp_path, {"core.position_embeddings.weight": (42, 8)}, config))
    assert (table.layout, table.uncertain) == (TableLayout(length=40, reserved=2), False)


def test_an_unknown_vision_tower_inside_of_another_model(tmp_path):
    config = {
        "model_type": "never-seen",
        "max_position_embeddings": 40,
        "vision_config": {"model_type": "tower", "image_size": 48, "patch_size": 8},
    }
    table = only(alone(tmp_path, {"vision_tower.embeddings.position_embedding.weight": (37, 8)}, config))
    assert (table.layout, table.family, table.uncertain) == (TableLayout(grid=(6, 6), prefix=1), "tower", False)
    assert [rule.name for rule in table.fields] == ["vision_config.image_size"]


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("core.position_embeddings.weight", {"model_type": "never-seen", "hidden_size": 8}),
        ("core.my_positions.weight", {"model_type": "never-seen", "max_length_of_something": 40}),
    ],
)
def test_what_nobody_can_know_is_uncertain(tmp_path, key, config):
    found = find_tables(alone(tmp_path, {key: (40, 8)}, config))
    assert [(table.key, table.uncertain, table.refused) for table in found] == [(key, True, None)]


# --- look-alikes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "shape", "reason"),
    [
        ("encoder.pos_conv_embed.conv.weight_v", (8, 4, 3), "convolution"),
        ("layers.0.attn.relative_position_bias_table", (49, 4), "distances"),
        ("layers.0.attn.rel_pos_h", (27, 8), "distances"),
        ("decoder.query_position_embeddings.weight", (100, 8), "object queries"),
        ("shared_image_embedding.positional_embedding", (2, 8), "Fourier"),
        ("embeddings.position_ids", (1, 512), "numbers of positions"),
        ("rotary_pos_emb.inv_freq", (8,), "rotary"),
    ],
)
def test_look_alikes(tmp_path, key, shape, reason):
    (table,) = find_tables(alone(tmp_path, {key: shape}))
    assert reason in table.refused


@pytest.mark.parametrize(
    "key", ["post_layernorm.weight", "decomposition.weight", "wte.weight", "position.bias", "poster.weight"]
)
def test_other_names_are_not_looked_at(tmp_path, key):
    assert find_tables(alone(tmp_path, {key: (16, 8)})) == []


def sinusoid(n, d, interleaved=False, base=10000.0):
    angles = np.arange(n)[:, None] / base ** (np.arange(d // 2) * 2 / d)
    both = (np.sin(angles), np.cos(angles))
    return (np.stack(both, 2).reshape(n, d) if interleaved else np.concatenate(both, 1)).astype(np.float32)


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_values_betray_a_sinusoid(tmp_path, interleaved, dtype):
    save_file({"wpe.weight": sinusoid(64, 16, interleaved).astype(dtype)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"n_positions": 64}')
    (table,) = find_tables(tmp_path)
    assert "a fixed sinusoid" in table.refused


def test_what_looks_sinusoidal():
    for d in (8, 64, 768):
        assert looks_sinusoidal(sinusoid(40, d))
        assert looks_sinusoidal(3 * sinusoid(40, d))
        noise = 0.02 * np.random.default_rng(d).normal(size=(40, d))
        assert not looks_sinusoidal(noise)
        assert not looks_sinusoidal(np.tile(noise[:1], (40, 1)))
        assert not looks_sinusoidal(noise / np.linalg.norm(noise, axis=1, keepdims=True))
    assert not looks_sinusoidal(np.zeros((40, 8)))
    assert not looks_sinusoidal(np.full((40, 8), np.nan))
    assert not looks_sinusoidal(np.ones((3, 8)))
    assert not looks_sinusoidal(np.zeros((40, 0)))


# --- the user's word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "layout"),
    [
        (Override(POSITION), TableLayout(length=16)),
        (Override(POSITION, reserved=2), TableLayout(length=14, reserved=2)),
        (Override(POSITION, reserved=2, prefix=1), TableLayout(length=13, reserved=2, prefix=1)),
        (Override(POSITION, grid=(4, 4)), TableLayout(grid=(4, 4))),
        (Override(POSITION, prefix=1, grid=(3, 4)), TableLayout(grid=(3, 4), prefix=1, suffix=3)),
    ],
)
def test_overrides(bert, said, layout):
    table = only(bert, override=said)
    assert (table.layout, table.uncertain, table.evidence) == (layout, False, ("the layout is what the call says",))


def test_an_override_of_what_was_refused_or_not_even_looked_at(bert):
    for key in ("embeddings.token_type_embeddings.weight", "encoder.layer.0.output.dense.weight"):
        assert key in {t.key for t in find_tables(bert, override=Override(key)) if t.refused is None}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Override("nope"), f"table='nope' is not a tensor of this checkpoint; it has, for example, .'{POSITION}'"),
        (Override("embeddings.LayerNorm.weight"), r"is F32 of shape \[8\], not a table"),
        (Override(POSITION, reserved=20), "reserved=20 and prefix=0 leave no position of the 16 rows"),
        (Override(POSITION, grid=(5, 5)), "grid=5x5 with reserved=0 and prefix=0 needs more rows than the 16"),
        (Override(POSITION, reserved=-1), "reserved=-1 must not be negative"),
        (Override(POSITION, grid=(0, 5)), "both at least 1"),
    ],
)
def test_overrides_that_do_not_fit(bert, said, message):
    with pytest.raises(InvalidArgumentError, match=message):
        find_tables(bert, override=said)


# --- odd shapes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        (),
        (0,),
        (16,),
        (0, 8),
        (16, 0),
        (1, 1),
        (0, 3, 4),
        (3, 0, 4),
        (2, 3, 4),
        (1, 16, 0),
        (16, 1, 0),
        (0, 1, 8),
        (1, 0, 8),
        (1, 0, 0, 8),
        (0, 1, 16, 8),
        (2, 1, 16, 8),
        (1, 2, 3, 4),
        (2, 2, 2, 2),
        (1, 1, 1, 1, 1),
        (1, 4, 4, 0),
        (1, 4, 0, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["pos_embed", POSITION, "layout.x_position_embeddings.weight", "temporal_pos_embed"])
def test_every_shape_is_judged_without_a_fault(tmp_path, key, shape):
    save_file({key: np.zeros(shape, np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"image_size": 32, "patch_size": 8, "max_position_embeddings": 16}')
    for table in find_tables(tmp_path):
        assert table.refused is not None or min(table.shape) > 0


def test_the_user_s_word_keeps_how_a_family_resizes(tmp_path):
    file = alone(tmp_path, VIT | {"pos_embed": (1, 197, 8)})
    (table,) = find_tables(file, override=Override("pos_embed", 0, 1, (14, 14)))
    assert table.resize == ("bicubic", True, False)
