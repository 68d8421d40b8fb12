"""Broken and hostile files: refused in one sentence that names the file, the tensor, the fault and what to do."""

import json
import os
import struct
import tracemalloc

import pytest

from posembed.checkpoint.formats.safetensors.edit import read_header, read_tensor
from posembed.errors import CheckpointError

VALID = {
    "__metadata__": {"format": "pt"},
    "wpe": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "h": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "none": {"dtype": "U8", "shape": [0, 2], "data_offsets": [32, 32]},
    "ids": {"dtype": "I64", "shape": [1, 2], "data_offsets": [32, 48]},
}
DATA = bytes(range(48))


def packed(header, data=DATA, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def one(value, data=bytes(24)):
    return packed({"wpe": value}, data)


RAW = b'{"wpe":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}%s}'
PART = b'"dtype":"U8","shape":[1],"data_offsets":[0,1]'
ATTACKS = {
    "empty": (b"", "it has 0 bytes, fewer than the 8"),
    "short": (b"\x01\0\0", "it has 3 bytes, fewer than the 8"),
    "length only": (struct.pack("<Q", 2), "says that its header has 2 bytes, but at most 0 are possible"),
    "no header": (struct.pack("<Q", 0), r"not JSON \(Expecting value, character 0\)"),
    "length of the universe": (packed(VALID, length=2**64 - 1), "its header has 18446744073709551615 bytes"),
    "length beyond the file": (packed(VALID, length=len(packed(VALID)) - 7), "at most .* are possible .* cut off"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer.*git lfs pull"),
    "pickle": (b"PK\x03\x04" + bytes(99), "not a safetensors file"),
    "web page": (b"<!DOCTYPE html><html>" + bytes(99), "not a safetensors file"),
    "not utf-8": (packed(b'{"\xff":{}}'), r"not UTF-8 \(byte 2\)"),
    "not json": (packed(b"{wpe}"), "not JSON"),
    "two documents": (packed(b"{} {}", b""), "not JSON"),
    "nul padding": (packed(b"{}\0\0", b""), "not JSON"),
    "byte order mark": (packed(b"\xef\xbb\xbf{}", b""), "not JSON"),
    "a list": (packed(b"[]", b""), "is a JSON list, not an object"),
    "a number": (packed(b"1", b""), "is a JSON int, not an object"),
    "deep": (packed(b"[" * 200_000, b""), "nested too deeply"),
    "deep value": (packed(b'{"a":' * 200_000, b""), "nested too deeply"),
    "twice": (packed(RAW % (b',"wpe":{' + PART + b"}"), b"1"), "its header has 'wpe' twice"),
    "twice inside": (packed(b'{"a":{"dtype":"U8",' + PART + b"}}", b"1"), "its header has 'dtype' twice"),
    "metadata twice": (packed(b'{"__metadata__":{"a":"1","a":"2"}}', b""), "its header has 'a' twice"),
    "metadata number": (packed({"__metadata__": {"a": 1}}, b""), "must map text to text, got {'a': 1}"),
    "metadata list": (packed({"__metadata__": ["a"]}, b""), "must map text to text"),
    "metadata surrogate": (packed(b'{"__metadata__":{"a":"\\ud800"}}', b""), "half a surrogate pair"),
    "key surrogate": (packed(b'{"\\udc00":{' + PART + b"}}", b"1"), r"tensor '\\udc00' has half a surrogate pair"),
    "no entry": (one(["F32", [2, 3], [0, 24]]), "tensor 'wpe' must have exactly dtype, shape and data_offsets"),
    "nan": (packed(b'{"wpe":NaN}'), "must have exactly .*got nan"),
    "field missing": (one({"dtype": "F32", "shape": [6]}), "must have exactly"),
    "field unknown": (one({**entry(), "stride": [1]}), "must have exactly"),
    "dtype unknown": (one(entry("F31")), "tensor 'wpe' has the dtype 'F31', which is none of BOOL, F4"),
    "dtype number": (one(entry(32)), "has the dtype 32"),
    "dtype list": (one(entry(["F32"])), "has the dtype"),
    "shape negative": (one(entry(shape=(-2, -3))), r"has the shape \[-2, -3\], not at most 32 non-negative integers"),
    "shape true": (one(entry(shape=(True, 6))), r"has the shape \[True, 6\]"),
    "shape float": (one(entry(shape=(2.0, 3))), r"has the shape \[2.0, 3\]"),
    "shape text": (one({**entry(), "shape": "23"}), "has the shape '23'"),
    "shape null": (one({**entry(), "shape": None}), "has the shape None"),
    "minus zero": (packed(b'{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}', b""), r"has the shape \[-0.0\]"),
    "shape huge": (one(entry(shape=(2**63,))), "has the shape"),
    "shape of digits": (packed(b'{"a":{"dtype":"U8","shape":[' + b"9" * 9999 + b'],"data_offsets":[0,0]}}'), "inf"),
    "product huge": (one(entry(shape=(2**40, 2**40), offsets=(0, 0))), "larger than an array can be"),
    "product huge but zero": (one(entry(shape=(0, 2**62), offsets=(0, 0))), "larger than an array can be"),
    "dimensions": (one(entry(shape=[1] * 33, offsets=(0, 4))), "not at most 32"),
    "offsets negative": (one(entry(offsets=(-24, 0))), r"has the data_offsets \[-24, 0\], not \[begin, end\]"),
    "offsets three": (one(entry(offsets=(0, 24, 24))), "not .begin, end."),
    "offsets float": (one(entry(offsets=(0, 24.0))), "not .begin, end."),
    "offsets backwards": (one(entry(offsets=(24, 0))), r"takes 24 bytes, but its data_offsets are \[24, 0\]"),
    "size": (one(entry(shape=(2, 4))), r"of F32 \[2, 4\] takes 32 bytes, but its data_offsets are \[0, 24\]"),
    "bits": (one(entry("F4", (3,), (0, 1))), "takes 12 bits, not whole bytes"),
    "cut off": (packed(VALID)[:-1], "tensor 'ids' ends at byte 48 of the data, but the file has only 47 bytes of data"),
    "trailing": (packed(VALID) + b"!!", "2 bytes at its end belong to no tensor"),
    "only trailing": (packed(b"{}", b"1"), "1 bytes at its end belong to no tensor"),
    "hole": (one(entry(offsets=(1, 25)), bytes(25)), "at byte 1, 1 bytes of nothing after the start of the data"),
    "overlap": (packed({"a": entry(), "b": entry()}, bytes(24)), "'b' begins at byte 0 .* overlaps tensor 'a', .* 24"),
    "empty inside": (packed({"a": entry(), "b": entry("U8", (0,), (9, 9))}, bytes(24)), "overlaps tensor 'a'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(tmp_path, name):
    content, says = ATTACKS[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says) as caught:
        read_header(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 700
    assert "\n" not in message
    assert any(word in message for word in ("download", "copy it again", "git lfs pull"))


def test_long_hostile_names_and_shapes_make_short_messages(tmp_path):
    path = tmp_path / "file"
    for header in ({"x" * 10**6: 1}, {"x": entry(shape=[-1] * 10**6)}, {"x": entry("F" * 10**6)}):
        path.write_bytes(packed(header))
        with pytest.raises(CheckpointError) as caught:
            read_header(path)
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize("header_length", [99_000_000, 2**62])
def test_a_lying_length_takes_no_memory(tmp_path, header_length):
    path = tmp_path / "file"
    path.write_bytes(packed(VALID, length=header_length))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_cap_of_the_format_holds_for_large_files(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(packed(b"{}", b"", length=100_000_001))
    os.truncate(path, 200_000_000)  # sparse
    with pytest.raises(CheckpointError, match="has 100000001 bytes, but at most 100000000 are possible"):
        read_header(path)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, says in {
        tmp_path / "none": "none does not exist: check the path",
        tmp_path / "link": "link is a symbolic link to a file that does not exist",
        tmp_path / "loop": "cannot be opened.*symbolic links",
        tmp_path: "is a directory, not a file",
        tmp_path / "fifo": "is a FIFO, device or socket",
        "/dev/zero": "is a FIFO, device or socket",
        "nul\0": "cannot be opened",
        tmp_path / ("x" * 300): "cannot be opened.*too long",
    }.items():
        with pytest.raises(CheckpointError, match=says):
            read_header(path)


def test_no_permission_and_a_bad_disk(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(packed(VALID))

    def denied(*args):
        raise PermissionError(13, "Permission denied")

    def broken(*args):
        raise OSError(5, "Input/output error")

    header = read_header(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        with pytest.raises(CheckpointError, match=r"file may not be read \(permission denied\): ask its owner"):
            read_header(path)
    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(CheckpointError, match=r"file cannot be read \(Input/output error\): check the disk"):
        read_header(path)
    with pytest.raises(CheckpointError, match=r"tensor 'wpe' cannot be read: Input/output error; check the disk"):
        read_tensor(header, "wpe")
