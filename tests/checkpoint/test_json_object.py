"""JSON objects of a checkpoint, and one sentence for each file that is not one."""

import pytest

from posembed.checkpoint import json_object
from posembed.checkpoint.json_object import read_json, reason_of
from posembed.errors import CheckpointError


def test_an_object(tmp_path):
    (tmp_path / "config.json").write_text('{"a": [1, "é", null]}')
    assert read_json(tmp_path / "config.json") == {"a": [1, "é", None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "config.json: must hold a JSON object, found list"),
        ("3", "must hold a JSON object, found int"),
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
