"""Fields of a message are found by their lengths, and nothing that cannot be right is followed."""

import os
import random

import pytest

from posembed.checkpoint.formats.onnx.wire import encoded, fields, head_of, varint
from posembed.errors import CheckpointError


def listed(tmp_path, data):
    (tmp_path / "m").write_bytes(data)
    descriptor = os.open(tmp_path / "m", os.O_RDONLY)
    try:
        return [(f.number, data[f.content : f.end]) for f in fields(descriptor, 0, len(data), tmp_path / "m")]
    finally:
        os.close(descriptor)


def test_every_kind_of_field(tmp_path):
    data = encoded(1 << 3) + encoded(300) + head_of(2, 3) + b"abc" + encoded(3 << 3 | 5) + b"1234"
    data += encoded(4 << 3 | 1) + b"12345678"
    assert listed(tmp_path, data) == [(1, encoded(300)), (2, b"abc"), (3, b"1234"), (4, b"12345678")]


@pytest.mark.parametrize("value", [0, 127, 128, 1 << 31, (1 << 63) - 1])
def test_numbers_come_back(tmp_path, value):
    assert varint(encoded(value), 0, tmp_path) == (value, len(encoded(value)))


@pytest.mark.parametrize("data", [head_of(1, 1 << 40), b"\xff" * 20, b"\x03", b"\x00\x00", b"\x0b\x01"])
def test_what_is_no_message_is_refused(tmp_path, data):
    with pytest.raises(CheckpointError, match="is not an ONNX model"):
        listed(tmp_path, data)


def test_random_bytes_are_refused_or_read(tmp_path):
    generator = random.Random(0)
    for _ in range(200):
        try:
            listed(tmp_path, generator.randbytes(40))
        except CheckpointError:
            continue
