"""Limits on tokens that tokenizer and sentence-transformers files state."""

import json
import os

import pytest

from posembed.errors import CheckpointError
from posembed.find.token_limits import existing, token_limits


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def limits(directory, root=None):
    return [
        (found.file.name, ".".join(found.path), found.limit) for found in token_limits(directory, root or directory)
    ]


def test_every_file_that_limits(tmp_path):
    write(
        tmp_path,
        tokenizer_config={"model_max_length": 512, "max_len": 510, "max_length": 128, "padding": 3},
        tokenizer={"truncation": {"max_length": 256}},
        sentence_bert_config={"max_seq_length": 384},
        sentence_roberta_config={"max_seq_length": 300},
        config={"max_length": 20},
    )
    assert limits(tmp_path) == [
        ("tokenizer_config.json", "model_max_length", 512),
        ("tokenizer_config.json", "max_len", 510),
        ("tokenizer_config.json", "max_length", 128),
        ("tokenizer.json", "truncation.max_length", 256),
        ("sentence_bert_config.json", "max_seq_length", 384),
        ("sentence_roberta_config.json", "max_seq_length", 300),
    ]
    whys = [found.why for found in token_limits(tmp_path, tmp_path)]
    assert "truncate or warn" in whys[0]
    assert "truncates silently" in whys[3]
    assert "sentence-transformers" in whys[4]


@pytest.mark.parametrize(
    ("limit", "states"), [(1, True), (10**9 - 1, True), (10**9, False), (10**30, False), (None, False), ("512", False)]
)
def test_a_tokenizer_without_a_limit_writes_a_huge_one(tmp_path, limit, states):
    write(tmp_path, tokenizer_config={"model_max_length": limit})
    assert limits(tmp_path) == ([("tokenizer_config.json", "model_max_length", limit)] if states else [])


@pytest.mark.parametrize("truncation", [None, {}, {"max_length": None}, "LongestFirst", [3]])
def test_a_tokenizer_that_does_not_truncate(tmp_path, truncation):
    assert limits(write(tmp_path, tokenizer={"truncation": truncation})) == []


def test_sentence_transformers_files_of_both_folders(tmp_path):
    inner = write(tmp_path / "0_Transformer", sentence_bert_config={"max_seq_length": 128}, tokenizer_config={})
    write(tmp_path, sentence_bert_config={"max_seq_length": 256}, tokenizer_config={"model_max_length": 9})
    found = list(token_limits(inner, tmp_path))
    assert [each.file for each in found] == [
        tmp_path / "sentence_bert_config.json",
        inner / "sentence_bert_config.json",
    ]
    assert [each.limit for each in found] == [256, 128]
    write(inner, sentence_bert_config={})
    assert [each.limit for each in token_limits(inner, tmp_path)] == [256]


def test_nothing_is_limited_by_no_files(tmp_path):
    assert limits(tmp_path) == []
    assert list(existing(tmp_path / "config.json")) == []
    (tmp_path / "folder.json").mkdir()
    assert list(existing(tmp_path / "folder.json")) == []


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    """No permission is taken away: as root, it would be there all the same."""
    write(tmp_path, tokenizer_config={"model_max_length": 512})
    whole = os.listdir

    def unlistable(folder):
        if os.fspath(folder) == os.fspath(tmp_path):
            raise PermissionError(13, "Permission denied")
        return whole(folder)

    monkeypatch.setattr(os, "listdir", unlistable)
    with pytest.raises(CheckpointError, match=r"cannot be listed \(permission denied\): make it readable"):
        limits(tmp_path)
