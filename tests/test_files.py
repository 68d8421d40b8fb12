"""A file is complete or absent, whatever happens while it is written."""

import os
import stat

import pytest

from posembed.files import flush, write_whole


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_written_and_replaced(tmp_path):
    file = tmp_path / "new" / "folder" / "file.txt"
    write_whole(file, lambda path: path.write_text("first"), parents=True)
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


def test_a_missing_folder_is_an_error_unless_it_may_be_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "new" / "file", lambda path: path.write_text("x"))
    assert names(tmp_path) == []


def test_file_and_folder_are_flushed_in_this_order(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_mode) or real(handle))
    write_whole(tmp_path / "file", lambda path: path.write_text("x"))
    assert [stat.S_ISDIR(mode) for mode in flushed] == [False, True]


def test_what_has_nothing_to_flush_is_passed_over(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    flush(tmp_path / "link")
    flush(tmp_path / "pipe")  # opening it would wait for a writer
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "missing")


def test_long_names_are_written_too(tmp_path):
    name = "x" * 250
    write_whole(tmp_path / name, lambda path: path.write_text("x"))
    assert names(tmp_path) == [name]
