"""Which files are weight files of other formats."""

from pathlib import Path

import pytest

from posembed.checkpoint.formats.opening import ENDINGS, is_weight_file, require_ending
from posembed.errors import InvalidArgumentError


def test_endings_are_told_whatever_their_case(tmp_path):
    assert all(is_weight_file(tmp_path / f"a{ending.upper()}") for ending in ENDINGS)
    assert not is_weight_file(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("source", "out", "says"),
    [
        ("m.onnx", "long", r"out='long' must end in \.onnx: the copy has the format of m\.onnx"),
        ("m.onnx", "long.safetensors", r"must end in \.onnx"),
        ("m.safetensors", "long.bin", r"must end in \.safetensors"),
        ("m.pt", "long.npz", r"must not end in \.npz: the copy is a PyTorch file, as m\.pt is"),
        ("m.safetensors", "long", None),
        ("m.NPZ", "long.npz", None),
        ("m.bin", "long.pt", None),
        ("m.bin", "long", None),
    ],
)
def test_a_copy_is_opened_as_what_it_is(source, out, says):
    if says is None:
        require_ending(Path(out), Path(source))
    else:
        with pytest.raises(InvalidArgumentError, match=says):
            require_ending(Path(out), Path(source))


def test_a_copy_of_a_blob_is_a_gguf_file(tmp_path):
    (tmp_path / "sha256-ab").write_bytes(b"GGUF")
    with pytest.raises(InvalidArgumentError, match=r"must end in \.gguf"):
        require_ending(Path("long"), tmp_path / "sha256-ab")
