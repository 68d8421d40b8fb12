"""Texts in which some tokens stand for an image."""

from types import SimpleNamespace

import pytest
import torch

from posembed.extension.check.placeholders import has_placeholders, with_placeholders

IMAGE = 7


class Model:
    config = SimpleNamespace(image_token_index=IMAGE, audio_token_id=8)

    def __init__(self, states):
        self.states = states

    def get_image_features(self, pixel_values):
        assert pixel_values.dim() == 4
        return self.states

    def forward(self, input_ids, pixel_values, mm_token_type_ids=None):
        pass


def test_which_models_have_them():
    model = Model(None)
    assert has_placeholders(model, "pixel_values")
    assert not has_placeholders(model, "pixel_values_videos")  # no method for films
    assert not has_placeholders(model, "input_features")  # a token alone
    assert not has_placeholders(model, "past_values")
    outer = SimpleNamespace(model=model, config=SimpleNamespace(image_token_id=IMAGE))
    assert has_placeholders(outer, "pixel_values")
    assert not has_placeholders(
        SimpleNamespace(model=model, config=SimpleNamespace(image_token_id=None)), "pixel_values"
    )


@pytest.mark.parametrize(
    "states",
    [
        torch.zeros(1, 3, 5),
        [torch.zeros(2, 5), torch.zeros(1, 5)],
        SimpleNamespace(pooler_output=torch.zeros(3, 5)),
        SimpleNamespace(pooler_output=(torch.zeros(3, 5),)),
    ],
)
def test_one_token_per_state(states):
    """The text keeps its length where it is long enough, and its first token."""
    made = {"input_ids": torch.tensor([[1, 2, 3, 4, 5, 6]]), "pixel_values": torch.zeros(1, 3, 8, 8)}
    result = with_placeholders(Model(states), made, "pixel_values")
    assert result["input_ids"].tolist() == [[1, IMAGE, IMAGE, IMAGE, 5, 6]]
    assert result["mm_token_type_ids"].tolist() == [[0, 1, 1, 1, 0, 0]]
    assert result["pixel_values"] is made["pixel_values"]
    short = with_placeholders(Model(states), {**made, "input_ids": torch.tensor([[1, 2]])}, "pixel_values")
    assert short["input_ids"].tolist() == [[1, IMAGE, IMAGE, IMAGE]]


def test_places_that_a_mask_marks():
    """Kosmos-2 has no token for an image: a mask says where its states go."""

    class Masked(Model):
        config = SimpleNamespace(image_token_index=None)

        def get_image_features(self, flattened_patches):
            assert flattened_patches.dim() == 3
            return self.states

        def forward(self, input_ids, flattened_patches, image_embeds_position_mask=None):
            pass

    model = Masked(torch.zeros(1, 3, 8))
    assert has_placeholders(model, "flattened_patches")
    made = {"input_ids": torch.tensor([[4, 5]]), "flattened_patches": torch.zeros(1, 2, 6)}
    result = with_placeholders(model, made, "flattened_patches")
    assert result["input_ids"].shape == (1, 4)
    assert result["image_embeds_position_mask"].tolist() == [[0, 1, 1, 1]]
