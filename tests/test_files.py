"""A file is complete or absent, whatever happens while it is written."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from posembed import files
from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.files import (
    flush,
    hidden_beside,
    is_hidden_name,
    missing_parents,
    path_of,
    remove_leftovers,
    remove_leftovers_below,
    remove_tree,
    write_whole,
)


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


def test_a_file_that_is_replaced_stays_as_private_as_it_was(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    seen = []

    def write(path):
        seen.append(path.stat().st_mode & 0o077)
        path.write_text("new")

    for mode in (0o600, 0o444):
        file.chmod(mode)
        write_whole(file, write)
        assert file.stat().st_mode & 0o777 == mode
    assert seen == [0, 0o044]


def test_folders_that_were_created_go_with_what_failed(tmp_path):
    def fail(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a" / "b" / "file", fail, parents=True)
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="No space left"), missing_parents(tmp_path / "a" / "b" / "file"):
        fail((tmp_path / "a" / "of another").write_text("x"))
    assert names(tmp_path / "a") == ["of another"]


KILLED = """
import os, signal, sys
from pathlib import Path
from posembed.files import write_whole

def die(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

write_whole(Path(sys.argv[1]), die)
"""


def test_what_a_killed_process_leaves_goes_with_the_next_write(tmp_path):
    file = tmp_path / "state.pt"
    file.write_text("old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False).returncode == -9
    assert len(names(tmp_path)) == 3  # the file, half of a new one, and its lock
    assert file.read_text() == "old"
    write_whole(file, lambda path: path.write_text("new"))
    assert names(tmp_path) == ["state.pt"]


def test_what_a_live_process_writes_is_not_touched(tmp_path):
    file = tmp_path / "state.pt"
    with hidden_beside(file) as partial:
        partial.write_text("half")
        write_whole(file, lambda path: path.write_text("new"))
        assert partial.read_text() == "half"
    assert names(tmp_path) == ["state.pt"]


def test_nothing_of_others_is_removed_where_files_cannot_be_locked(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / ".file.partial-12345678").write_text("perhaps of a live process")
    monkeypatch.setattr("fcntl.flock", unsupported)
    write_whole(tmp_path / "file", lambda path: path.write_text("x"))
    assert set(names(tmp_path)) >= {".file.partial-12345678", "file"}


def test_a_new_lock_that_another_process_takes_for_an_old_one_is_given_up(tmp_path, monkeypatch):
    """Between its creation and its locking, ``remove_leftovers`` of another process may lock and remove it."""
    real, calls = files.locked, []

    def late(descriptor):
        calls.append(descriptor)
        if len(calls) == 1:
            (lock,) = tmp_path.iterdir()
            lock.unlink()
        return real(descriptor) if len(calls) != 2 else False

    monkeypatch.setattr(files, "locked", late)
    with hidden_beside(tmp_path / "file") as partial:
        assert len(calls) == 3
        assert os.path.lexists(f"{partial}.lock")


def test_old_content_is_put_back_only_where_nothing_is(tmp_path):
    for text in ("old", "older"):
        (tmp_path / ".out.partial-12345678.old").mkdir()
        (tmp_path / ".out.partial-12345678.old" / "file").write_text(text)
        remove_leftovers(tmp_path / "out")
        assert names(tmp_path) == ["out"]
        assert (tmp_path / "out" / "file").read_text() == "old"


def test_a_tree_goes_whatever_its_permissions_and_links_are_not_followed(tmp_path):
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "a" / "b" / "file").write_text("x")
    for folder in ("tree/a/b", "tree/a", "tree"):
        (tmp_path / folder).chmod(0o500)
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert names(tmp_path) == ["outside"]
    assert (tmp_path / "outside" / "file").stat().st_mode & 0o777 == 0o644


def test_an_argument_as_a_path(tmp_path):
    assert path_of("out", tmp_path) is tmp_path
    assert path_of("out", "a/b") == Path("a/b")
    assert path_of("out", PurePosixPath("a")) == Path("a")
    for value in (None, 5, b"a", ["a"]):
        with pytest.raises(ArgumentTypeError, match=r"^out=.* must be a path$"):
            path_of("out", value)
    with pytest.raises(InvalidArgumentError, match=r"^out='' must be a path, not empty$"):
        path_of("out", "")


def test_a_writer_that_puts_a_private_file_in_place_does_not_decide_who_may_read_the_result(tmp_path):
    def write(path):
        path.unlink()
        path.write_text("x")
        path.chmod(0o600)

    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "file", write)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def refusing_to_remove(monkeypatch, times):
    """A disk that refuses the first N removals of a lock."""
    real, refused = Path.unlink, []

    def unlink(path, *arguments, **keywords):
        if path.name.endswith(".lock") and len(refused) < times:
            refused.append(path)
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "unlink", unlink)
    return refused


def test_a_disk_that_refuses_once_is_asked_again(tmp_path, monkeypatch, caplog):
    refused = refusing_to_remove(monkeypatch, 1)
    write_whole(tmp_path / "file", lambda path: path.write_text("x"))
    assert len(refused) == 1
    assert names(tmp_path) == ["file"]
    assert caplog.messages == []


def test_a_lock_that_cannot_be_removed_is_named_and_stops_no_other_run(tmp_path, monkeypatch, caplog):
    file = tmp_path / "file"
    with monkeypatch.context() as patch:
        refused = refusing_to_remove(patch, 99)
        write_whole(file, lambda path: path.write_text("first"))
        (lock,) = {path for path in tmp_path.iterdir() if path != file}
        assert set(refused) == {lock}
        assert caplog.messages == [
            f"{lock} cannot be removed (input/output error): it is empty and stops no other run; the next one that "
            f"writes {file} removes it"
        ]
        write_whole(file, lambda path: path.write_text("second"))  # nor does it now, while it stays
    assert file.read_text() == "second"
    write_whole(file, lambda path: path.write_text("third"))
    assert (file.read_text(), names(tmp_path)) == ("third", ["file"])


def test_work_that_failed_speaks_of_itself_not_of_its_lock(tmp_path, monkeypatch, caplog):
    def fail(path):
        raise RuntimeError("the work")

    refusing_to_remove(monkeypatch, 99)
    with pytest.raises(RuntimeError, match="the work"):
        write_whole(tmp_path / "file", fail)
    assert caplog.messages == []


def test_a_folder_is_rid_of_what_killed_runs_left_under_any_name(tmp_path):
    (tmp_path / "plots").mkdir()
    for name in ("state.pt", "plots/loss.png", "plots/gone.png"):
        assert subprocess.run([sys.executable, "-c", KILLED, tmp_path / name], check=False).returncode == -9
    (tmp_path / ".out.partial-12345678.old").mkdir()  # somebody's work, which only its own name can put back
    (tmp_path / ".notes.partial").touch()
    with hidden_beside(tmp_path / "plots" / "live.png") as live:
        live.write_text("half")
        remove_leftovers_below(tmp_path)
        assert live.read_text() == "half"
    assert sorted(names(tmp_path)) == [".notes.partial", ".out.partial-12345678.lock", ".out.partial-12345678.old",
                                       "plots"]  # fmt: skip
    assert names(tmp_path / "plots") == []


def test_hidden_names_are_those_of_unfinished_files(tmp_path):
    with hidden_beside(tmp_path / "a\nb.txt") as partial:
        assert is_hidden_name(partial.name)
        assert is_hidden_name(f"{partial.name}.lock")
    for name in ("report.html", ".report.html", ".partial-12345678", ".x.partial-1234567", ".x.partial-12345678.txt"):
        assert not is_hidden_name(name)
