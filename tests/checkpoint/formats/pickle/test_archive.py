"""The directory of a zip archive is checked before it is used."""

import io
import os
import struct
import zipfile

import pytest

from posembed.checkpoint.formats.pickle.archive import read_directory, require_plain
from posembed.checkpoint.formats.pickle.nodes import PickleFaultError


def directory(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_directory(descriptor, len(data))
    finally:
        os.close(descriptor)


def archive(records, method=zipfile.ZIP_STORED, zip64=False):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, content in records.items():
            with file.open(name, "w", force_zip64=zip64) as record:
                record.write(content)
    return stream.getvalue()


def test_records_and_their_places(tmp_path):
    data = archive({"a/data.pkl": b"xyz", "a/data/0": b"12345"})
    found = directory(tmp_path, data)
    assert list(found) == ["a/data.pkl", "a/data/0"]
    place = found["a/data/0"]
    assert data[place.begin : place.begin + place.size] == b"12345"


def test_numbers_beyond_four_gigabytes(tmp_path):
    """The wide fields of zip64, in the entry and at the end, hold the numbers where the narrow ones are full."""
    data = bytearray(archive({"a": b"12345"}, zip64=True))
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<2L", data, at + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    extra = struct.pack("<2H2Q", 1, 16, 5, 5)
    struct.pack_into("<H", data, at + 30, len(extra))
    entry = bytes(data[at : data.rindex(b"PK\x05\x06")])[: 46 + 1] + extra
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(entry), at)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + len(entry), 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    found = directory(tmp_path, bytes(data[:at]) + entry + end + locator + last)
    assert found["a"].size == 5


def test_compressed_records_are_refused_by_name(tmp_path):
    found = directory(tmp_path, archive({"a/data/0": b"0" * 10_000}, zipfile.ZIP_DEFLATED))
    with pytest.raises(PickleFaultError, match=r"'a/data/0' is compressed"):
        require_plain(found)


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [(46 + 20, "<L", 1 << 30), (46 + 24, "<L", 1 << 30), (46 + 42, "<L", 1 << 30), (46 + 28, "<H", 60_000)],
)
def test_impossible_numbers(tmp_path, place, form, value):
    data = bytearray(archive({"a": b"12345"}))
    struct.pack_into(form, data, data.rindex(b"PK\x01\x02") + place - 46, value)
    with pytest.raises(PickleFaultError):
        require_plain(directory(tmp_path, bytes(data)))


def test_records_that_overlap_are_no_way_to_a_large_file(tmp_path):
    data = archive({f"r{number}": b"" for number in range(50)} | {"last": b"x" * 5000})
    data = bytearray(data)
    for at in [place for place in range(len(data)) if data[place : place + 4] == b"PK\x01\x02"][:50]:
        struct.pack_into("<2L", data, at + 20, 4000, 4000)
        struct.pack_into("<L", data, at + 42, 0)
    with pytest.raises(PickleFaultError, match="outside of the file"):
        directory(tmp_path, bytes(data))


def test_a_directory_out_of_proportion(tmp_path):
    data = bytearray(archive({"a": b"1"}))
    at = data.rindex(b"PK\x05\x06")
    struct.pack_into("<H", data, at + 10, 60_000)
    assert list(directory(tmp_path, bytes(data))) == ["a"]
    struct.pack_into("<L", data, at + 12, 1 << 31)
    with pytest.raises(PickleFaultError, match="directory is damaged"):
        directory(tmp_path, bytes(data))


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, archive({"a": b"1", "b": b"2"})[:-30]]
)
def test_cut_off_archives(tmp_path, data):
    with pytest.raises(PickleFaultError):
        directory(tmp_path, data)


def test_two_records_of_one_name(tmp_path):
    data = archive({"a": b"1", "b": b"2"}).replace(b"b", b"a")
    with pytest.raises(PickleFaultError, match="two records named 'a'"):
        directory(tmp_path, data)
