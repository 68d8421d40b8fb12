import json
import os

import pytest

from posembed.storage import read_json, write_json, write_whole


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_written_and_replaced(tmp_path):
    file = tmp_path / "new" / "folder" / "file.txt"
    write_whole(file, lambda path: path.write_text("first"))
    write_whole(file, lambda path: path.write_text("second"))
    assert file.read_text() == "second"
    assert names(file.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [RuntimeError("disk full"), KeyboardInterrupt()])
def test_a_writer_that_raises_leaves_the_old_file_and_no_litter(tmp_path, error):
    file = tmp_path / "file.txt"
    file.write_text("old")

    def write(path):
        path.write_text("half of the n")
        raise error

    with pytest.raises(type(error)):
        write_whole(file, write)
    assert file.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("old")

    def write(path):
        path.write_text("new")
        assert path != file
        assert path.parent == file.parent  # a rename is atomic within one file system only
        assert file.read_text() == "old"

    write_whole(file, write)
    assert file.read_text() == "new"


def test_others_may_read_it_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", lambda path: path.write_text("x"))
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


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
    assert names(tmp_path) == ["file.json"]
