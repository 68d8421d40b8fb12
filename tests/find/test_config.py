"""Which field of which sub-configuration explains a table; and that no configuration, however odd, is a fault."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from posembed import find_tables, plan_extension
from posembed.errors import PosembedError
from posembed.find.config import affinity, nodes, number, pair
from posembed.find.explain import explain_grid, explain_length


def test_nodes_are_all_sub_configurations_outermost_first():
    tree = nodes(
        {"model_type": "clip", "text_config": {"model_type": "t", "inner": {"a": 1}}, "vision_config": {"b": 2}}
    )
    assert [(node.path, node.model_type) for node in tree] == [
        ((), "clip"),
        (("text_config",), "t"),
        (("text_config", "inner"), "t"),
        (("vision_config",), "clip"),
    ]
    assert tree[2].dotted("a") == "text_config.inner.a"


def test_a_sub_configuration_fits_the_keys_of_its_modality():
    text, vision, audio = (nodes({name: {"a": 1}})[1] for name in ("text_config", "vision_config", "audio_config"))
    for key, best in (
        ("text_model.embeddings.position_embedding.weight", text),
        ("model.language_model.wpe.weight", text),
        ("model.vision_tower.embeddings.position_embedding.weight", vision),
        ("visual.positional_embedding", vision),
        ("audio_tower.embed_positions.weight", audio),
    ):
        assert max((text, vision, audio), key=lambda node: affinity(key, node)) is best


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (0, 0), (-1, -1), (True, None), (3.0, None), ("3", None), (None, None), ([3], None), (10**400, 10**400)],
)
def test_number(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (224, (224, 224)),
        ([224, 384], (224, 384)),
        ((224, 384), (224, 384)),
        ([3, 224, 384], (224, 384)),
        ([224], (224, 224)),
        ({"height": 224, "width": 384}, (224, 384)),
        ({"shortest_edge": 224}, None),
        ({}, None),
        ([], None),
        ([224, None], None),
        ([224, 2.0], None),
        ([[2], 3], None),
        ("224", None),
        (True, None),
        (None, None),
    ],
)
def test_pair(value, expected):
    assert pair(value) == expected


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"max_position_embeddings": 512}, 512, [("max_position_embeddings", 0)]),
        ({"max_position_embeddings": 512}, 514, [("max_position_embeddings", 2)]),
        ({"max_position_embeddings": 512}, 513, []),
        ({"max_position_embeddings": 512.0}, 512, []),
        ({"n_positions": 16, "n_ctx": 16}, 16, [("n_positions", 0), ("n_ctx", 0)]),
        ({"my_max_len": 16}, 17, [("my_max_len", 1)]),
        ({"hidden_size": 16, "pad_token_id": 16, "pos_token_id": 16}, 16, []),
        ({"max_position_embeddings": 0}, 2, []),
    ],
)
def test_fields_that_explain_a_length(fields, rows, expected):
    (node,) = nodes(fields)
    assert [(length.name, length.more) for length in explain_length(node, rows)] == expected


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"image_size": 224, "patch_size": 16}, 197, [(14, 14, 1)]),
        ({"image_size": 224, "patch_size": 16}, 195, []),
        ({"image_size": [224, 384], "patch_size": [16, 16]}, 336, [(14, 24, 0)]),
        ({"image_size": {"height": 224, "width": 384}, "patch_size": 16}, 336, [(14, 24, 0)]),
        ({"image_size": 224, "patch_size": 0}, 197, []),
        ({"image_size": 224, "patch_size": -16}, 197, []),
        ({"image_size": -224, "patch_size": 16}, 197, []),
        ({"image_size": 8, "patch_size": 16}, 1, []),
        ({"num_position_embeddings": 2304}, 2304, [(48, 48, 0)]),
        ({"posemb_grid_size": 16}, 256, [(16, 16, 0)]),
        ({"num_patches": -4}, 8, []),
        ({"posemb_grid_size": -16}, 256, []),
        ({"init_pos_emb_height": -4, "init_pos_emb_width": -4}, 16, []),
        ({"num_patches": -16}, 256, []),
        ({"image_size": 64, "patch_sizes": [-4, -2]}, 64, []),
        (
            {"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 5, "time_stride": 5},
            42,
            [(5, 8, 2)],
        ),
        ({"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 0, "time_stride": 5}, 42, []),
        ({"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": -5, "time_stride": 5}, 42, []),
    ],
)
def test_fields_that_explain_a_grid(fields, rows, expected):
    node = nodes(fields)[0]
    found = [(grid.height, grid.width, grid.extra) for grid in explain_grid(node, rows, 16)]
    assert [grid for grid in found if grid in expected or min(grid) < 0] == expected
    assert not expected or found[0] == expected[0]


# --- any configuration at all -----------------------------------------------------------------------------------------

CONFIGS = [
    ({"embeddings.position_embeddings.weight": (18, 4)}, {"model_type": "roberta", "max_position_embeddings": 18,
     "pad_token_id": 1}),
    ({"embeddings.position_embeddings": (1, 30, 4)}, {"model_type": "yolos", "image_size": [32, 48], "patch_size": 8,
     "num_detection_tokens": 5}),
    ({"embeddings.position_embeddings": (1, 42, 4)}, {"model_type": "audio-spectrogram-transformer",
     "num_mel_bins": 28, "max_length": 43,
     "patch_size": 8, "frequency_stride": 5, "time_stride": 5}),
    ({"embeddings.position_embeddings": (1, 9, 4)}, {"model_type": "vivit", "num_frames": 4, "tubelet_size": [2, 8,
     8], "image_size": 16}),
    ({"embeddings.position_embeddings": (1, 17, 4)}, {"model_type": "pvt", "image_size": 32, "patch_sizes": [4, 2],
     "strides": [4, 2]}),
    ({"encoder.embed_positions.weight": (16, 4), "decoder.embed_positions.weight": (8, 4)}, {"model_type": "led",
     "attention_window": [4],
     "max_encoder_position_embeddings": 16, "max_decoder_position_embeddings": 8}),
    ({"text_model.embeddings.position_embedding.weight": (16, 4),
     "vision_model.embeddings.position_embedding.weight": (17, 4)},
     {"model_type": "clip", "text_config": {"max_position_embeddings": 16},
      "text_config_dict": {"max_position_embeddings": 16},
      "vision_config": {"image_size": 32, "patch_size": 8}}),
    ({"pos_embed": (1, 16, 4)}, {"init_pos_emb_height": 4, "init_pos_emb_width": 4, "num_patches": 16,
     "posemb_grid_size": 4}),
]  # fmt: skip
NUMBERS = st.integers(-20, 60) | st.sampled_from([2**31, 2**63, -(2**63), 10**30, 10**400, -(10**400)])
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), st.text(max_size=4))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["height", "width", "model_type", "a"]) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def places(config, path=()):
    """The paths of all values."""
    for name, value in config.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


@settings(max_examples=250)
@given(data=st.data())
def test_any_value_in_any_field_is_found_or_refused(tmp_path_factory, data):
    tensors, config = copy.deepcopy(data.draw(st.sampled_from(CONFIGS)))
    for path in data.draw(st.lists(st.sampled_from(sorted(places(config))), min_size=1, max_size=3)):
        place = config
        for name in path[:-1]:
            place = place[name] if isinstance(place, dict) and name in place else {}
        if isinstance(place, dict):
            place[path[-1]] = data.draw(ANYTHING)
    folder = tmp_path_factory.mktemp("mutated", numbered=True)
    save_file(
        {key: np.random.default_rng(0).normal(size=shape) for key, shape in tensors.items()},
        folder / "model.safetensors",
    )
    (folder / "config.json").write_text(json.dumps(config))
    try:
        for table in find_tables(folder):
            assert table.refused is not None or table.layout.rows > 0
            json.dumps(table.to_dict())
        for size in ({"length": 24}, {"image_size": 64}, {"grid": (5, 6)}):
            try:
                json.dumps(plan_extension(folder, **size).to_dict())
            except PosembedError as error:
                assert str(error)  # noqa: PT017
    except PosembedError as error:
        assert str(error)  # noqa: PT017
