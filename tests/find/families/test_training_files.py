"""Settings of training scripts: sizes, and what only has the same number."""

import re

import pytest

from posembed.find import families


@pytest.mark.parametrize("name", ["n_text_ctx", "block_size", "max_len", "max_position_embeddings", "seq_length"])
def test_lengths(name):
    assert name in families.SETTING_LENGTHS
    assert not re.search(families.NOT_A_SIZE, name)


@pytest.mark.parametrize("name", ["img_size", "image_size", "input_size", "image_resolution", "crop_size"])
def test_pixels(name):
    assert name in families.SETTING_PIXELS


@pytest.mark.parametrize(
    "name",
    ["n_embd", "n_text_state", "hidden_size", "batch_size", "vocab_size", "max_epochs", "warmup_steps"],
)
def test_other_numbers_are_no_sizes(name):
    assert re.search(families.NOT_A_SIZE, name)
    assert name not in families.SETTING_LENGTHS


def test_averages_and_numbers_as_tensors():
    assert re.search(families.AVERAGE, "ema.shadow_params.3")
    assert not re.search(families.AVERAGE, "schema.embed")
    assert re.search(families.NUMBER_TENSORS, "context_length")
    assert families.SETTING_COUNTS
    assert families.SETTING_SIDES
    assert len(families.SAME_SIDE_WORDS) == 3
