"""Tokenizers without limits, and the special tokens that they put around a text."""

import json

import pytest
from tokenizers import Tokenizer

from posembed.tokenizing import special_tokens, unlimited_tokenizer


@pytest.fixture
def file(example_checkpoints, tmp_path):
    """A tokenizer.json that stores a truncation and a padding."""
    stored = Tokenizer.from_file(str(example_checkpoints / "my-embedder" / "tokenizer.json"))
    stored.enable_truncation(4)
    stored.enable_padding(length=4)
    stored.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_stored_limits_are_off(file):
    assert len(Tokenizer.from_file(str(file)).encode("a b c d e f g").ids) == 4
    tokenizer = unlimited_tokenizer(file)
    prefix, suffix = special_tokens(tokenizer)
    assert len(tokenizer.encode("a b c d e f g").ids) > 4
    assert len(tokenizer.encode("a").ids) == len(prefix) + len(suffix) + 1


def test_special_tokens_are_those_before_and_after(file):
    tokenizer = unlimited_tokenizer(file)
    prefix, suffix = special_tokens(tokenizer)
    inner = tokenizer.encode("a b", add_special_tokens=False).ids
    assert tokenizer.encode("a b").ids == [*prefix, *inner, *suffix]
    assert prefix
    assert suffix


def test_without_special_tokens_there_are_none(file):
    plain = json.loads(file.read_text(encoding="utf-8")) | {"post_processor": None}
    file.write_text(json.dumps(plain), encoding="utf-8")
    assert special_tokens(unlimited_tokenizer(file)) == ([], [])
