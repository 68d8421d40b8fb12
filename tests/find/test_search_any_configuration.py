"""No configuration, however odd, is a fault: what it describes is found or refused."""

import copy
import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from posembed import find_tables, plan_extension
from posembed.errors import PosembedError

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
