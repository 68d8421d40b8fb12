"""Bytes of a file elsewhere are fetched when they are read, once, and no others."""

import os

import pytest

from posembed.checkpoint import partial
from posembed.checkpoint.copying import copy_file, opened, read_at, read_into
from posembed.checkpoint.partial import PartialFile, bytes_of, open_binary, size_of
from posembed.errors import CheckpointError

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def elsewhere(tmp_path):
    asked = []

    def read(begin, end):
        asked.append((begin, end))
        return CONTENT[begin:end]

    path = tmp_path / "folder" / "file.bin"
    path.parent.mkdir()
    path.touch()
    partial.register(path, PartialFile(tmp_path / "store", lambda: len(CONTENT), read))
    yield path, asked
    partial.forget(path.parent)


def test_only_what_is_read_is_fetched_and_only_once(elsewhere):
    path, asked = elsewhere
    with opened(path) as descriptor:
        assert os.fstat(descriptor).st_size == len(CONTENT)
        assert read_at(descriptor, 8, 100) == CONTENT[100:108]
        buffer = bytearray(20)
        read_into(descriptor, memoryview(buffer), 96)
    assert bytes(buffer) == CONTENT[96:116]
    assert asked == [(100, 108), (96, 100), (108, 116)]
    assert partial.partial_at(path).fetched == 20


def test_the_time_of_the_file_stays(elsewhere):
    path, _ = elsewhere
    with opened(path) as descriptor:
        before = os.fstat(descriptor).st_mtime_ns
        os.utime(descriptor, ns=(1, 1))
        read_at(descriptor, 8, 0)
        assert os.fstat(descriptor).st_mtime_ns == 1 != before


def test_a_reader_that_knows_nothing_of_it_finds_an_empty_file(elsewhere):
    path, asked = elsewhere
    assert path.read_bytes() == b""
    assert asked == []


def test_streams_and_copies_have_all_bytes(elsewhere, tmp_path):
    path, _ = elsewhere
    assert size_of(path) == len(CONTENT)
    with open_binary(path) as stream:
        stream.seek(-6, os.SEEK_END)
        assert (stream.read(), stream.seek(3), stream.read(2)) == (CONTENT[-6:], 3, CONTENT[3:5])
    assert bytes_of(path) == CONTENT
    copy_file(path, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_the_end_of_the_file_is_the_end(elsewhere):
    path, asked = elsewhere
    with opened(path) as descriptor:
        assert read_at(descriptor, 100, len(CONTENT) - 4) == CONTENT[-4:]
    assert asked == [(len(CONTENT) - 4, len(CONTENT))]


def test_a_descriptor_that_is_used_again_reads_its_own_file(elsewhere, tmp_path):
    path, asked = elsewhere
    with opened(path) as descriptor:
        assert partial.is_partial(descriptor)
    (tmp_path / "plain").write_bytes(b"plain")
    with opened(tmp_path / "plain") as again:
        assert again == descriptor
        assert (partial.is_partial(again), read_at(again, 5, 0)) == (False, b"plain")
    assert asked == []


def test_no_room_for_the_file_is_said(elsewhere, tmp_path):
    path, _ = elsewhere
    partial.register(path, PartialFile(tmp_path / "missing" / "store", lambda: 1 << 40, lambda *_: b""))
    with pytest.raises(CheckpointError, match=r"a sparse file of 1099511627776 bytes cannot be made .*set TMPDIR"):
        bytes_of(path)
