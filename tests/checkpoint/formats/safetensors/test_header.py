"""What the header of a safetensors file says of its tensors; broken and hostile ones: test_edit_hostile.py."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed.checkpoint.formats.safetensors.header import DTYPES, TensorEntry, read_header
from posembed.errors import CheckpointError


def raw(path, content, data=b""):
    text = json.dumps(content).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_what_the_official_writer_writes(tmp_path):
    arrays = {"wpe": np.ones((4, 2), np.float32), "ids": np.arange(3), "empty": np.zeros((0, 5), np.float16)}
    save_file(arrays, tmp_path / "f", metadata={"format": "pt"})
    header = read_header(tmp_path / "f")
    facts = (tmp_path / "f").stat()
    assert (header.path, header.metadata) == (tmp_path / "f", {"format": "pt"})
    assert (header.file_size, header.modified_ns) == (facts.st_size, facts.st_mtime_ns)
    assert {key: (entry.dtype, entry.shape, entry.nbytes) for key, entry in header.tensors.items()} == {
        "wpe": ("F32", (4, 2), 32),
        "ids": ("I64", (3,), 24),
        "empty": ("F16", (0, 5), 0),
    }
    assert header.data_start + sum(entry.nbytes for entry in header.tensors.values()) == facts.st_size


def test_tensors_keep_the_order_of_the_header(tmp_path):
    content = {
        "b": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]},
        "a": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]},
    }
    header = read_header(raw(tmp_path / "f", content, b"xy"))
    assert list(header.tensors.items()) == [("b", TensorEntry("U8", (1,), 1, 2)), ("a", TensorEntry("U8", (), 0, 1))]


@pytest.mark.parametrize("code", DTYPES)
def test_every_dtype_has_its_size(tmp_path, code):
    bits = DTYPES[code][0]
    content = {"t": {"dtype": code, "shape": [8], "data_offsets": [0, bits]}}
    assert read_header(raw(tmp_path / "f", content, bytes(bits))).tensors["t"].nbytes == bits
    content["t"]["data_offsets"] = [0, bits - 1]
    with pytest.raises(CheckpointError, match=f"of {code} .* takes {bits} bytes"):
        read_header(raw(tmp_path / "f", content, bytes(bits - 1)))


def test_headers_of_one_content_are_equal_whenever_they_were_written(tmp_path):
    file = raw(tmp_path / "f", {"t": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"x")
    before = read_header(file)
    os.utime(file, ns=(0, 0))
    after = read_header(file)
    assert before == after
    assert before.modified_ns != after.modified_ns


@pytest.mark.parametrize("content", [b"[" + b"[]," * 600_000 + b"1]", b"[" + b"1," * 900_000 + b"1]"])
def test_a_header_out_of_proportion_is_not_parsed(tmp_path, content):
    (tmp_path / "f").write_bytes(len(content).to_bytes(8, "little") + content)
    with pytest.raises(CheckpointError, match="describes more than a file of"):
        read_header(tmp_path / "f")


def test_a_header_beyond_any_model_is_not_read(tmp_path):
    content = b'{"a":"' + b"x" * (17 << 20) + b'"}'
    (tmp_path / "f").write_bytes(len(content).to_bytes(8, "little") + content)
    with pytest.raises(CheckpointError, match="out of proportion"):
        read_header(tmp_path / "f")


def test_a_model_of_many_small_tensors_is_read(tmp_path):
    entry = {"dtype": "F32", "shape": [0, 4096], "data_offsets": [0, 0]}
    names = {f"model.layers.{number}.self_attn.q_proj.weight": entry for number in range(50_000)}
    assert len(read_header(raw(tmp_path / "f", names)).tensors) == 50_000
