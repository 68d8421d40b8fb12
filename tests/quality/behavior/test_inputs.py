"""Arguments for several texts or images at once."""

import torch

from posembed.quality.behavior.inputs import image_arguments, smooth_images, text_arguments, vocabulary_of


def test_texts_take_the_place_of_drawn_tokens(loaded):
    ids = torch.arange(12).reshape(3, 4)
    first = next(text_arguments(loaded("bert")[0].model, ids))
    assert torch.equal(first["input_ids"], ids)
    both = next(text_arguments(loaded("bart")[0].model, ids))
    assert torch.equal(both["decoder_input_ids"], ids)
    ways = list(text_arguments(loaded("clip")[0].model, ids))
    assert all(len(value) == 3 for way in ways for value in way.values() if isinstance(value, torch.Tensor))
    assert any("pixel_values" in way for way in ways)


def test_images_are_smooth_and_differ(loaded):
    arguments = next(image_arguments(loaded("vit")[0].model, 5, 0))
    images = arguments["pixel_values"]
    assert images.shape == (5, 3, 32, 32)
    assert not torch.equal(images[0], images[1])
    large = smooth_images((2, 3, 64, 64), 0)
    step = (large[..., 1:] - large[..., :-1]).std()
    assert step < 0.3 * large.std()  # of noise it would be 1.4 times that
    assert torch.equal(large, smooth_images((2, 3, 64, 64), 0))


def test_the_vocabulary_is_the_configurations(loaded):
    assert vocabulary_of(loaded("gpt2")[0].model) == 100
    assert vocabulary_of(loaded("clip")[0].model) == 100
