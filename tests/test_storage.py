"""Results on disk: JSON that is written whole, and the differences of two configurations."""

import json

import pytest

from posembed.generations import DamagedError
from posembed.storage import differences, read_json, read_sealed_json, write_json, write_sealed_json


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


SEALED = {"a": [1, 2.5, None, "é"], "b": {"c": 1e-300, "d": True}}


def test_a_sealed_object(tmp_path):
    file = tmp_path / "file.json"
    write_sealed_json(file, SEALED)
    assert read_sealed_json(file) == SEALED
    assert list(read_json(file)) == ["a", "b", "checksum"]
    file.write_text(json.dumps(dict(reversed(read_json(file).items())), indent=7))  # the content is what counts
    assert read_sealed_json(file, must_be_sealed=True) == SEALED
    write_json(file, SEALED)  # as version 0.2 wrote it
    assert read_sealed_json(file) == SEALED
    with pytest.raises(DamagedError, match="its checksum is missing"):
        read_sealed_json(file, must_be_sealed=True)


def test_no_flipped_bit_changes_a_sealed_object(tmp_path):
    file = tmp_path / "file.json"
    write_sealed_json(file, SEALED)
    whole = file.read_bytes()
    noticed = 0
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        try:
            assert read_sealed_json(file, must_be_sealed=True) == SEALED  # a space that became a tab, say
        except DamagedError:
            noticed += 1
    assert noticed > 7 * len(whole)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_damage(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"it cannot be read|it is not a JSON object"):
        read_sealed_json(tmp_path / "file.json")
    with pytest.raises(FileNotFoundError):
        read_sealed_json(tmp_path / "none.json")
