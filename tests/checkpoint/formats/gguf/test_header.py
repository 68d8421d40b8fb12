"""GGUF headers: what they say, and what cannot be right in them."""

import struct

import numpy as np
import pytest

from posembed.checkpoint.formats.gguf.header import read_gguf_header
from posembed.errors import CheckpointError
from tests.fixtures.gguf_files import bert, gguf_bytes


def written(folder, data):
    (folder / "m.gguf").write_bytes(data)
    return folder / "m.gguf"


@pytest.mark.parametrize("alignment", [32, 64])
@pytest.mark.parametrize("version", [2, 3])
def test_metadata_and_places(tmp_path, alignment, version):
    pairs, tensors = bert(**{"a.flag": True, "a.scale": 0.5, "a.list": [1, 2], "a.name": "ü"})
    header = read_gguf_header(written(tmp_path, gguf_bytes(pairs, tensors, alignment=alignment, version=version)))
    values = {key: entry.value for key, entry in header.metadata.items()}
    assert values["bert.context_length"] == 16
    assert (values["a.flag"], values["a.scale"], values["a.list"], values["a.name"]) == (True, 0.5, [1, 2], "ü")
    assert values["tokenizer.ggml.tokens"] is None
    assert {name: info.shape for name, info in header.tensors.items()} == {n: t.shape for n, t in tensors.items()}
    assert header.data_start % alignment == 0


def test_every_shorter_file_is_refused(tmp_path):
    data = gguf_bytes(*bert(rows=2, width=2))
    for end in range(0, len(data) - 24, 7):
        with pytest.raises(CheckpointError):
            read_gguf_header(written(tmp_path, data[:end]))


def test_no_flipped_byte_of_a_header_is_an_unexpected_error(tmp_path):
    data = bytearray(gguf_bytes(*bert(rows=2, width=2)))
    for at in range(0, 600, 3):
        flipped = data.copy()
        flipped[at] ^= 0xFF
        try:
            read_gguf_header(written(tmp_path, bytes(flipped)))
        except CheckpointError:
            continue


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"version https://git-lfs", "is a Git LFS pointer"),
        (b"ggml" + bytes(60), "does not begin as a GGUF file"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian GGUF file: convert it with `gguf-convert-endian"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "GGUF version 1 is not supported"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60), "cut off"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "a name of"),
        (gguf_bytes({}, {"a": (77, (4,), bytes(16))}), "has the type 77, which is unknown"),
        (gguf_bytes({}, {"a": (8, (2, 33), bytes(70))}), r"of Q8_0 has the shape \[2, 33\]"),
        (gguf_bytes({}, {"a": np.ones((2, 8), "<f4")})[:-40], "bytes after the file"),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path, data, message):
    with pytest.raises(CheckpointError, match=message):
        read_gguf_header(written(tmp_path, data))
