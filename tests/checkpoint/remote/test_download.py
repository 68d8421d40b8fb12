"""Downloads are resumed, verified, and absent or whole at any moment."""

import hashlib
import os
from dataclasses import replace

import pytest

from posembed.checkpoint.remote import download
from posembed.checkpoint.remote.download import INCOMPLETE, Source, fetch_files
from posembed.checkpoint.remote.faults import NoRangesError
from posembed.checkpoint.remote.store import RemoteFile
from posembed.errors import WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Callbacks

CONTENT = os.urandom(1000)


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PIECE", 100)
    asked = []

    def read(begin, end):
        asked.append((begin, end))
        return CONTENT[begin:end]

    file = RemoteFile("a.bin", len(CONTENT), "1")
    made = Source(file, tmp_path / "to" / "a.bin", len(CONTENT), read, open, lambda: True)
    return made, asked


def fetch(source, observer=SILENT):
    fetch_files([source], source.target.parent, "org/model", observer)


def test_a_file_arrives_whole_and_is_not_fetched_again(source):
    made, asked = source
    updates = []
    fetch(made, Callbacks(progress=updates.append))
    assert made.target.read_bytes() == CONTENT
    assert not made.partial.exists()
    assert (updates[-1].name, updates[-1].done, updates[-1].total, updates[-1].unit) == (
        "downloading",
        1000,
        1000,
        "bytes",
    )
    asked.clear()
    fetch(made)
    assert asked == []


def test_what_a_killed_run_left_is_completed(source):
    made, asked = source
    made.target.parent.mkdir()
    made.partial.write_bytes(CONTENT[:730])
    fetch(made)
    assert made.target.read_bytes() == CONTENT
    assert sorted(asked) == [(730, 830), (830, 930), (930, 1000)]


def test_what_may_be_of_another_file_is_not_completed(source):
    """A server that says nothing by which a version is known may have another file of the same size by now."""
    made, asked = source
    made = replace(made, file=RemoteFile("a.bin", len(CONTENT)))
    made.target.parent.mkdir()
    made.partial.write_bytes(bytes(730))
    fetch(made)
    assert made.target.read_bytes() == CONTENT
    assert sum(end - begin for begin, end in asked) == len(CONTENT)


def test_a_failure_keeps_what_has_arrived(source):
    made, _ = source

    def read(begin, end):
        if begin >= 500:
            raise WorkFailedError("the connection was closed")
        return CONTENT[begin:end]

    with pytest.raises(WorkFailedError, match="closed"):
        fetch(replace(made, read=read))
    assert not made.target.exists()
    assert made.partial.read_bytes() == CONTENT[:500]
    fetch(made)
    assert made.target.read_bytes() == CONTENT


def test_an_observer_stops_between_two_pieces(source):
    made, _ = source
    with pytest.raises(WorkInterruptedError, match="run the same command again to resume"):
        fetch(made, Callbacks(should_stop=lambda: True))
    assert not made.target.exists()
    assert made.partial.exists()


@pytest.mark.parametrize(
    "stated",
    [
        {"sha256": hashlib.sha256(CONTENT).hexdigest()},
        {"git_sha1": hashlib.sha1(b"blob 1000\0" + CONTENT).hexdigest()},
        {"md5": hashlib.md5(CONTENT).hexdigest()},
    ],
)
def test_content_is_compared_with_what_the_server_states(source, stated):
    made, _ = source
    fetch(replace(made, file=replace(made.file, **stated)))
    assert made.target.exists()
    made.target.unlink()
    wrong = replace(made, file=replace(made.file, **{name: value[::-1] for name, value in stated.items()}))
    with pytest.raises(WorkFailedError, match=r"a\.bin arrived with other content than its server states"):
        fetch(wrong)
    assert list(made.target.parent.iterdir()) == []


def test_bytes_of_another_file_are_found_out_by_the_checksum(source):
    made, _ = source
    made.target.parent.mkdir()
    made.partial.write_bytes(b"x" * 300)
    with pytest.raises(WorkFailedError, match="other content"):
        fetch(replace(made, file=replace(made.file, sha256=hashlib.sha256(CONTENT).hexdigest())))


def test_a_file_that_changed_meanwhile_is_not_kept(source):
    made, _ = source
    with pytest.raises(WorkFailedError, match=r"a\.bin changed while it was downloaded"):
        fetch(replace(made, is_unchanged=lambda: False))
    assert list(made.target.parent.iterdir()) == []


def test_a_server_of_whole_files_is_read_from_the_start(source, tmp_path):
    made, _ = source
    (tmp_path / "whole").write_bytes(CONTENT)

    def read(begin, end):
        raise NoRangesError("no range requests")

    made.target.parent.mkdir()
    made.partial.write_bytes(b"older bytes")
    fetch(replace(made, read=read, stream=lambda: (tmp_path / "whole").open("rb")))
    assert made.target.read_bytes() == CONTENT


def test_a_file_of_unknown_size_is_read_from_the_start(source, tmp_path):
    made, asked = source
    (tmp_path / "whole").write_bytes(CONTENT)
    fetch(replace(made, size=None, stream=lambda: (tmp_path / "whole").open("rb")))
    assert (made.target.read_bytes(), asked) == (CONTENT, [])


def test_two_processes_do_not_write_one_file(source):
    import fcntl

    made, _ = source
    made.target.parent.mkdir()
    with made.partial.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(WorkFailedError, match=f"{INCOMPLETE} is being written by another process"):
            fetch(made)


def test_a_full_disk_is_said_before_the_work(source, monkeypatch):
    made, asked = source
    monkeypatch.setattr("posembed.checkpoint.disk._free_space", lambda _: 10)
    with pytest.raises(WorkFailedError, match="no space left"):
        fetch(made)
    assert asked == []
