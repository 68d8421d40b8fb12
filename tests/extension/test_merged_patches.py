"""Patches that become one token: the field that says how many, and grids that they do not divide."""

import pytest

from posembed import plan_extension
from posembed.extension.merged_patches import merge_of


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "internvl", "downsample_ratio": 0.5}, (2, True)),
        ({"model_type": "internvl_chat", "downsample_ratio": 0.25}, (4, True)),
        ({"model_type": "idefics3", "scale_factor": 3}, (3, True)),
        ({"model_type": "llama4", "vision_config": {"pixel_shuffle_ratio": 0.5}}, (2, True)),
        ({"model_type": "ovis2", "vision_config": {"hidden_stride": 2}}, (2, False)),
        ({"model_type": "got_ocr2"}, (4, False)),
        ({"model_type": "internvl", "downsample_ratio": 1.0}, (1, False)),
        ({"model_type": "internvl"}, (1, False)),
        ({"model_type": "idefics3", "scale_factor": 1}, (1, False)),
        ({"model_type": "vit", "scale_factor": 2}, (1, False)),
        ({}, (1, False)),
    ],
)
def test_the_side_of_a_square(config, expected):
    assert merge_of(config) == expected


VISION = {"model_type": "internvl_vision", "image_size": [32, 32], "patch_size": [8, 8]}


@pytest.mark.parametrize(("size", "tokens"), [(48, 9), (64, 16), (40, None)])
def test_sides_must_be_multiples(write, size, tokens):
    config = {"model_type": "internvl", "vision_config": VISION, "downsample_ratio": 0.5, "image_seq_length": 4}
    source = write({"vision_tower.embeddings.position_embeddings": (1, 17, 8)}, config=config)
    plan = plan_extension(source, image_size=size)
    side = size // 8
    reason = f"the grid's sides must be multiples of 2, and {side} × {side} is not"
    assert [reason in each for each in plan.blocked] == ([] if tokens else [True])
    if tokens:
        assert {change.name: change.after for change in plan.fields}["image_seq_length"] == tokens


@pytest.mark.parametrize(("size", "fits"), [(96, True), (64, True), (48, False)])
def test_patches_that_are_averaged_to_a_fixed_number_of_tokens(write, size, fits):
    vision = {"model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8}
    source = write(
        {"vision_tower.embeddings.position_embedding.weight": (16, 8)},
        config={"model_type": "gemma3", "vision_config": vision, "mm_tokens_per_image": 16},
        processor_config={"image_seq_length": 4},
    )
    plan = plan_extension(source, image_size=size)
    assert (plan.blocked == ()) is fits
    assert all(change.name != "image_seq_length" for change in plan.fields)
