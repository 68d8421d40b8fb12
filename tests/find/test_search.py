"""What is found in checkpoints of all layouts, what stays uncertain, and what the user's word changes."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import TableLayout, find_tables

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


def test_a_fixed_grid_that_was_never_filled_is_called_all_zeros(tmp_path):
    """Transformers 5.23 builds a new ViT-MAE so; "zeros" is not a formula's name."""
    config = {"model_type": "vit_mae", "image_size": 64, "patch_size": 16, "hidden_size": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"embeddings.position_embeddings": np.zeros((1, 17, 8), np.float32)}, tmp_path / "model.safetensors")
    (table,) = find_tables(tmp_path)
    assert table.refused == (
        "a frozen two-dimensional sinusoid (all zeros), which posembed extend can compute at another size"
    )
