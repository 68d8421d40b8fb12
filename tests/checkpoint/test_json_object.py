"""JSON objects of a checkpoint, and one sentence for each file that is not one."""

import json

import pytest

from posembed.checkpoint import json_object
from posembed.checkpoint.json_object import json_text, memory_of, read_json, read_json_value, reason_of
from posembed.errors import CheckpointError


def test_an_object(tmp_path):
    (tmp_path / "config.json").write_text('{"a": [1, "é", null]}')
    assert read_json(tmp_path / "config.json") == {"a": [1, "é", None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "config.json: must hold a JSON object, found an array"),
        ("3", "must hold a JSON object, found a number"),
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON .*: fix or replace the file"),
    ],
)
def test_what_is_no_object(tmp_path, content, message):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        read_json(tmp_path / "config.json")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone.json: cannot be read: no such file or directory"):
        read_json(tmp_path / "gone.json")
    with pytest.raises(CheckpointError, match="cannot be read: is a directory"):
        read_json(tmp_path)


def test_a_file_too_large_for_a_configuration_is_not_read(tmp_path, monkeypatch):
    assert json_object.JSON_LIMIT == 100 << 20
    monkeypatch.setattr(json_object, "JSON_LIMIT", 8)
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "config.json") == {"a": 1}
    (tmp_path / "config.json").write_text('{"a": 12}')
    with pytest.raises(CheckpointError, match="is larger than 0 MB"):
        read_json(tmp_path / "config.json")


def test_reasons_are_one_line():
    assert reason_of(PermissionError(13, "Permission denied")) == "permission denied"
    assert reason_of(ValueError("first\nsecond")) == "first"
    assert reason_of(KeyError()) == "KeyError"


def test_numbers_beyond_floating_point_keep_their_text(tmp_path):
    """Infinity is no JSON: a configuration that had none must not get one."""
    (tmp_path / "config.json").write_text('{"a": 1e999, "b": [-1E+400, 1.5], "c": "1e999"}')
    value = read_json(tmp_path / "config.json")
    assert value["a"] == float("inf")
    written = json_text(value)
    assert json.loads(written, parse_float=str, parse_constant=pytest.fail) == {
        "a": "1e999",
        "b": ["-1E+400", "1.5"],
        "c": "1e999",
    }
    assert '"c": "1e999"' in written


@pytest.mark.parametrize("content", [b"[" + b"[]," * 4_000_000 + b"1]", b"[" + b"1," * 5_000_000 + b"1]"])
def test_a_file_that_would_take_much_memory_is_not_parsed(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="would take more than 16 MB of memory"):
        read_json_value(tmp_path / "config.json")


def test_a_large_vocabulary_is_parsed(tmp_path):
    vocabulary = {f"token {number}": number for number in range(300_000)}
    merges = [["a", "b"]] * 500_000
    text = json.dumps({"model": {"vocab": vocabulary, "merges": merges}, "truncation": None})
    assert memory_of(text.encode()) < json_object.MOST_MEMORY_OF_TOKENIZER
    (tmp_path / "tokenizer.json").write_text(text)
    assert read_json(tmp_path / "tokenizer.json")["truncation"] is None
