"""`posembed.extend_model`: which of the two ways a call means."""

import pytest
import torch
import transformers

import posembed
from posembed.errors import InvalidArgumentError
from posembed.records.extend import ModelOptions


def bert():
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    return transformers.BertModel(config)


def test_options_are_keywords_or_a_record():
    one, two = bert(), bert()
    two.load_state_dict(one.state_dict())
    (change,) = posembed.extend_model(one, 24, method="tile")
    assert posembed.extend_model(two, options=ModelOptions(length=24, method="tile")) == [change]
    assert torch.equal(one.embeddings.position_embeddings.weight, two.embeddings.position_embeddings.weight)


def test_a_sequence_is_linear_and_a_grid_what_its_family_does():
    assert posembed.extend_model(bert(), 24)[0].method == "linear"
    vit = transformers.ViTModel(
        transformers.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
                               image_size=32, patch_size=8)
    )  # fmt: skip
    assert posembed.extend_model(vit, image_size=48)[0].method == "bicubic"


def test_length_aware_positions_take_several_lengths():
    model = bert()
    posembed.extend_model(model, [24, 32], length_aware=True)
    module = model.embeddings.position_embeddings
    assert isinstance(module, posembed.LengthAwareEmbedding)
    assert module.limits.tolist() == [16, 24, 32]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"length": [24, 32]}, r"length=\[24, 32\]: several lengths need length_aware=True"),
        ({"length": [32, 24], "length_aware": True}, r"length=\[32, 24\] must be one number or an increasing sequence"),
        ({"image_size": 48, "length_aware": True}, "give `length`, not `grid` or `image_size`"),
        ({"length": "24"}, "length='24' must be a whole number"),
    ],
)
def test_wrong_calls(given, message):
    model = bert()
    with pytest.raises(InvalidArgumentError, match=message):
        posembed.extend_model(model, **given)
    assert model.config.max_position_embeddings == 16


def test_length_aware_positions_make_a_new_parameter():
    model = bert()
    with pytest.raises(InvalidArgumentError, match="make the optimizer after this call"):
        posembed.extend_model(model, 24, length_aware=True, optimizer=torch.optim.AdamW(model.parameters()))
