"""Inputs for any model: what a configuration says about sizes, and the arguments that follow."""

import pytest

from posembed.extension.check.inputs import Call, Lengths, calls, image_sizes, integers, shapes

pytestmark = pytest.mark.filterwarnings("ignore")


def config(name="PreTrainedConfig", **fields):
    import transformers

    return getattr(transformers, name)(**fields)


def test_numbers_of_a_configuration_and_its_parts():
    clip = config("CLIPConfig", vision_config={"image_size": 32, "patch_size": 8})
    assert 32 in integers(clip, "image_size")
    assert integers(clip, "no_such_field") == []
    assert integers(config(depths=[1, 2], on=True), "depths", "on") == [1, 2]


def test_image_sizes():
    assert image_sizes(config(image_size=32)) == [(32, 32)]
    assert image_sizes(config(image_size=[16, 24])) == [(16, 24)]
    assert image_sizes(config(num_patches=9, patch_size=4)) == [(12, 12)]
    assert image_sizes(config(num_patches=9)) == [(48, 48)]
    assert image_sizes(config("CLIPConfig", vision_config={"image_size": 32})) == [(32, 32)]


def test_shapes_of_sound_and_videos():
    whisper = config(max_source_positions=20, num_mel_bins=8)
    assert shapes(whisper, "input_features")[0] == (1, 8, 40)
    assert shapes(config("ASTConfig", max_length=64, num_mel_bins=32), "input_values")[0] == (1, 64, 32)
    assert shapes(config(image_size=8, num_frames=2), "pixel_values") == [(1, 2, 3, 8, 8), (1, 3, 8, 8)]


def test_arguments(small_model):
    import transformers

    clip = transformers.CLIPModel.from_pretrained(small_model("clip"))
    first = next(calls(clip))
    assert first == Call(("input_ids", "pixel_values"))
    made = first.arguments(clip, Lengths(5, 3))
    assert {name: tuple(value.shape) for name, value in made.items()} == {
        "input_ids": (1, 5),
        "pixel_values": (1, 3, 32, 32),
    }
    assert first.shape(clip) == (1, 3, 32, 32)
    again = first.arguments(clip, Lengths(5, 3))
    assert all(value.equal(again[name]) for name, value in made.items())
    assert 3 <= int(made["input_ids"].min()) <= int(made["input_ids"].max()) < 100


def test_decoders_boxes_and_caches():
    import torch

    class Model(torch.nn.Module):
        config = config(vocab_size=2)

        def forward(self, input_ids, decoder_input_ids, bbox, use_cache):
            pass

    call = next(calls(Model()))
    made = call.arguments(Model(), Lengths(5, 3))
    assert made["use_cache"] is False
    assert made["input_ids"].shape == (1, 5)
    assert made["decoder_input_ids"].tolist() == [[0, 0, 0]]
    assert made["bbox"].shape == (1, 5, 4)
    assert bool((made["bbox"][..., 2:] > made["bbox"][..., :2]).all())
    assert call.shape(Model()) is None
