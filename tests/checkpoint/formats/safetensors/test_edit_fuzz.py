"""Mutated files: read as the official package reads them, or refused with a CheckpointError, nothing else."""

import copy
import json
import struct

import numpy as np
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from posembed.checkpoint.formats.safetensors.edit import read_header, read_tensor, write_rewritten
from posembed.checkpoint.formats.safetensors.header import DTYPES
from posembed.errors import CheckpointError

VALID = {
    "__metadata__": {"format": "pt"},
    "wpe": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "h": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "none": {"dtype": "U8", "shape": [0, 2], "data_offsets": [32, 32]},
    "ids": {"dtype": "I64", "shape": [1, 2], "data_offsets": [32, 48]},
}
DATA = bytes(range(48))
NUMBERS = st.integers(-2, 50) | st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, True, 1.0, "2", None])
CODES = st.sampled_from([*DTYPES, "F128", "", "f32"])
VALUES = NUMBERS | CODES | st.lists(NUMBERS, max_size=3) | st.dictionaries(st.text(max_size=2), NUMBERS, max_size=2)


def packed(header, data=DATA, length=None):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


@st.composite
def edited(draw):
    """Another dtype, size, offset, name or value here and there; tensors without, twice or elsewhere."""
    header = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from([*header])) if header else ""
        value = header.get(key)
        what = draw(st.sampled_from(["number", "dtype", "field", "value", "rename", "delete", "again"]))
        if what == "number" and isinstance(value, dict) and "shape" in value:
            numbers = value[draw(st.sampled_from(["shape", "data_offsets"]))]
            if isinstance(numbers, list) and numbers:
                numbers[draw(st.integers(0, len(numbers) - 1))] = draw(NUMBERS)
        elif what == "dtype" and isinstance(value, dict):
            value["dtype"] = draw(CODES)
        elif what == "field" and isinstance(value, dict) and value:
            value[draw(st.sampled_from([*value]))] = draw(VALUES)
        elif what == "value":
            header[key] = draw(VALUES)
        elif what == "rename":
            header[draw(st.text(max_size=3))] = header.pop(key, None)
        elif what == "delete":
            header.pop(key, None)
        elif what == "again":
            header[draw(st.text(max_size=3))] = copy.deepcopy(value)
    return packed(header, draw(st.sampled_from([DATA, DATA[:-1], DATA + b"x", b""])))


@st.composite
def damaged(draw):
    """Flipped bits, and perhaps cut off."""
    content = bytearray(packed(VALID))
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@st.composite
def lying(draw):
    return packed(VALID, length=draw(st.integers(0, 500) | st.integers(0, 2**64 - 1)))


@settings(max_examples=600)
@given(edited() | damaged() | lying() | st.binary(max_size=40))
def test_a_mutated_file_is_read_as_the_official_reader_does_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(content)
    try:
        header = read_header(path)
        whole = [key for key, entry in header.tensors.items() if DTYPES[entry.dtype][1] is not None]
        values = {key: read_tensor(header, key) for key in whole}
    except CheckpointError:
        return
    expected = dict(safetensors.deserialize(content))  # reads everything that is accepted here
    found = {key: (entry.dtype, entry.shape, entry.nbytes) for key, entry in header.tensors.items()}
    assert found == {key: (t["dtype"], tuple(t["shape"]), len(t["data"])) for key, t in expected.items()}
    for key, array in values.items():
        assert array.tobytes() == bytes(expected[key]["data"])
        assert array.shape == tuple(expected[key]["shape"])
    twice = {key: np.concatenate([values[key].ravel()] * 2) for key in whole[:1]}
    target = path.with_name("rewritten")
    target.unlink(missing_ok=True)
    assert write_rewritten(header, target, twice).metadata == header.metadata
    for key, tensor in safetensors.deserialize(target.read_bytes()):
        assert bytes(tensor["data"]) == bytes(expected[key]["data"]) * (2 if key in twice else 1)


def test_the_mutations_reach_both_outcomes(tmp_path):
    """Unchanged, the file is accepted; so are other data and a dtype of the same width."""
    path = tmp_path / "file"
    same_width = copy.deepcopy(VALID)
    same_width["ids"]["dtype"] = "F64"
    for content in (
        packed(VALID),
        packed(VALID, DATA[::-1]),
        packed(same_width),
        packed({**VALID, "__metadata__": None}),
    ):
        path.write_bytes(content)
        assert list(read_header(path).tensors) == ["wpe", "h", "none", "ids"]
