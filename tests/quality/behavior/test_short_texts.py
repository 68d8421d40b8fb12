"""Short texts of one length."""

import pytest

from posembed.errors import CheckpointError, DataError
from posembed.quality.behavior.short_texts import hidden_places, read_short_texts


def test_real_texts_between_special_tokens(saved, texts):
    read = read_short_texts(saved("bert"), texts, 24, 16, 100, 0)
    inputs = read.inputs(8)
    assert inputs.shape == (24, 8)
    assert set(inputs[:, 0].tolist()) == {2}  # [CLS]
    assert set(inputs[:, -1].tolist()) == {3}  # [SEP]
    assert read.mask_id == 4
    assert len({tuple(row) for row in read.bodies}) > 10
    assert read.inputs(2).shape == (24, 2)  # no room for a text between the special tokens


def test_the_default_is_prose_of_the_standard_library(saved):
    read = read_short_texts(saved("bert"), "stdlib", 8, 32, 100, 0)
    assert read.what == "prose of the standard library"
    assert read.inputs(32).shape == (8, 32)


def test_without_a_tokenizer_tokens_are_random_and_said_to_be(saved):
    read = read_short_texts(saved("roberta"), "stdlib", 6, 10, 100, 0)
    inputs = read.inputs(10)
    assert inputs.min() >= 3
    assert inputs.max() < 100
    assert "random tokens" in read.notes[0]


def test_too_little_text(saved, tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text(f"cat {number}")
    with pytest.raises(DataError, match=r"too little text: 24 pieces of 16 tokens are needed, found 0"):
        read_short_texts(saved("bert"), str(tmp_path), 24, 16, 100, 0)


def test_a_broken_tokenizer(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be read"):
        read_short_texts(tmp_path, "stdlib", 24, 16, 100, 0)


def test_hidden_places():
    hidden = hidden_places((50, 16), 0)
    assert hidden.any(dim=1).all()
    assert 0.1 < hidden.float().mean() < 0.3
    assert hidden.equal(hidden_places((50, 16), 0))
