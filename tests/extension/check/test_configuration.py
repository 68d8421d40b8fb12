"""What a configuration says about sizes, and the shapes that follow."""

import pytest

from posembed.extension.check.configuration import bins, channels, image_sizes, integers, shapes, signature

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
    films = [(1, 2, 3, 8, 8), (1, 3, 8, 8), (1, 1, 3, 8, 8), (2, 3, 8, 8), (1, 3, 4, 8), (1, 3, 64, 64)]
    assert shapes(config(image_size=8, num_frames=2), "pixel_values") == films


def test_shapes_for_any_size():
    """A sound's frames may be any number; some images must be divided by windows."""
    assert shapes(config(num_mel_bins=8), "input_features") == [(1, 8, 64), (1, 64, 8), (1, 16000)]
    assert shapes(config(image_size=40, patch_size=4), "pixel_values")[-1] == (1, 3, 48, 48)
    assert (bins(config()), bins(config(n_mels=64))) == (80, 64)
    assert (channels(config()), channels(config(in_chans=4))) == (3, 4)


def test_names_of_arguments():
    class Model:
        def forward(self, input_ids, use_cache=True):
            pass

    assert list(signature(Model())) == ["input_ids", "use_cache"]
