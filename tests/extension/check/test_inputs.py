"""Ways to call any model, and the arguments that they make."""

import pytest

from posembed.extension.check.inputs import Call, Lengths, calls

pytestmark = pytest.mark.filterwarnings("ignore")


def config(name="PreTrainedConfig", **fields):
    import transformers

    return getattr(transformers, name)(**fields)


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
    assert (first.signal, first.has_words, Call(("pixel_values",)).has_words) == ("pixel_values", True, False)
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


class Model:
    """Takes what its subclass's ``forward`` names."""

    config = None

    def modules(self):
        return []


def test_patches_come_with_their_grid():
    class Patches(Model):
        config = config(patch_size=4, num_channels=1)

        def forward(self, hidden_states, grid_thw):
            pass

    assert list(calls(Patches())) == []  # without a grid, hidden states are those of an inner layer
    ways = list(calls(Patches(), (2, 3)))
    assert {call.names for call in ways} == {("hidden_states", "grid_thw")}
    made = ways[0].arguments(Patches(), Lengths(1, 1))
    assert {name: value.tolist() if name == "grid_thw" else value.shape for name, value in made.items()} == {
        "hidden_states": (6, 16),
        "grid_thw": [[1, 2, 3]],
    }
    assert ways[0].at((4, 4)).shape(Patches()) == (16, 16)
    assert Call(("input_ids",)).at((4, 4)) == Call(("input_ids",))


def test_texts_with_placeholders_come_first():
    class Both(Model):
        config = config(image_size=8, image_token_id=7, vocab_size=50)

        def get_image_features(self, pixel_values):
            pass

        def forward(self, input_ids, pixel_values):
            pass

    ways = list(calls(Both()))
    assert [(call.names, call.in_text) for call in ways[:3]] == [
        (("input_ids", "pixel_values"), True),
        (("input_ids", "pixel_values"), False),
        (("pixel_values",), False),
    ]
    assert ways[-1] == Call(("input_ids",))


def test_no_shape_is_tried_twice():
    """Sides that patches of windows divide are the image's own here."""

    class Images(Model):
        config = config(image_size=64, patch_size=16)

        def forward(self, pixel_values):
            pass

    shapes = [call.shape(Images()) for call in calls(Images())]
    assert len(shapes) == len(set(shapes)) > 1
    assert shapes[0] == (1, 3, 64, 64)
