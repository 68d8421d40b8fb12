"""Arguments that come with a text."""

from types import SimpleNamespace

import pytest
import torch

from posembed.extension.check.inputs import Call, Lengths, calls
from posembed.extension.check.mentions import mention_argument, mentions


def test_which_models_take_some():
    assert mentions(["visual_embeds", "input_ids"]) == ("visual_embeds",)
    assert mentions(["visual_feats", "visual_pos"]) == ("visual_feats", "visual_pos")
    assert mentions(["entity_ids"]) == mentions(["input_ids"]) == ()


@pytest.mark.parametrize(("count", "places"), [(9, [[0, -1], [7, 8]]), (1, [[0, -1], [0, 0]])])
def test_the_last_token_is_mentioned(count, places):
    assert mention_argument("entity_position_ids", None, count, torch.Generator()).tolist() == [places]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("visual_embeds", (1, 3, 5)), ("visual_feats", (1, 3, 5)), ("visual_pos", (1, 3, 4)), ("entity_ids", (1, 2))],
)
def test_shapes(name, shape):
    config = SimpleNamespace(visual_embedding_dim=5, visual_feat_dim=5, entity_vocab_size=1)
    made = mention_argument(name, config, 4, torch.Generator())
    assert made.shape == shape
    if name == "entity_ids":
        assert made.max() == 0  # of the only entity that there is


class Luke(torch.nn.Module):
    config = SimpleNamespace(vocab_size=50, entity_vocab_size=9)

    def forward(self, input_ids=None, entity_ids=None, entity_position_ids=None):
        return input_ids, entity_ids, entity_position_ids


def test_a_text_is_tried_alone_and_then_with_its_entities():
    alone, together = calls(Luke())
    assert (alone, together) == (Call(("input_ids",)), Call(("input_ids", "entity_ids", "entity_position_ids")))
    made = together.arguments(Luke(), Lengths(7, 7))
    assert made["entity_position_ids"][0, 1].tolist() == [5, 6]
    assert made["input_ids"].shape == (1, 7)
