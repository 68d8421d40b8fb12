"""What a checkpoint's own processor makes of an image and of a sound."""

import json

import pytest

from posembed.extension.check.processors import prepared

pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_image(small_model):
    source = small_model("vit")
    assert prepared(source, ["pixel_values"]) == {}
    settings = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (source / "preprocessor_config.json").write_text(json.dumps(settings))
    made = prepared(source, ["pixel_values", "input_ids"])
    assert {name: tuple(value.shape) for name, value in made.items()} == {"pixel_values": (1, 3, 32, 32)}


def test_a_sound(small_model):
    source = small_model("whisper")
    settings = {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 8, "chunk_length": 2}
    (source / "preprocessor_config.json").write_text(json.dumps(settings))
    made = prepared(source, ["input_features", "decoder_input_ids"])
    assert {name: tuple(value.shape) for name, value in made.items()} == {"input_features": (1, 8, 200)}
