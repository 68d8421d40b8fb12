"""Results on disk: JSON that is written whole, and the differences of two configurations."""

import json

import pytest

from posembed.storage import differences, read_json, write_json


def test_json(tmp_path):
    value = {"a": [1, 2.5, None, "é", True]}
    write_json(tmp_path / "file.json", value)
    assert read_json(tmp_path / "file.json") == value
    assert json.loads((tmp_path / "file.json").read_text()) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_have_are_refused(tmp_path, number):
    file = tmp_path / "file.json"
    write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(file, {"a": [1, {"b": number}]})
    assert read_json(file) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_missing_folders_are_made(tmp_path):
    write_json(tmp_path / "new" / "folder" / "file.json", [1])
    assert read_json(tmp_path / "new" / "folder" / "file.json") == [1]


def test_differences_name_every_entry():
    old, new = {"a": 1, "b": 2, "same": 0}, {"a": 1.5, "c": None, "same": 0}
    assert differences(old, new) == "a: 1 there, 1.5 here, b: 2 there, 'absent' here"  # null is as good as absent
    assert differences(old, old) == ""
