"""Exports by their names, their parts by what they say, copies of the weights by the tensors that they name."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from posembed import extend_checkpoint
from posembed.checkpoint.other_formats import holds_any, is_export, parts_of_exports

KEY = "embeddings.position_embeddings.weight"


@pytest.mark.parametrize(
    ("name", "export"),
    [
        ("a.onnx", True),
        ("a.onnx_data", True),
        ("a.onnx_data_1", True),
        ("deep/er/a.onnx.data", True),
        ("onnx/tokenizer.json", True),
        ("x/openvino/any", True),
        ("m.mlpackage/Manifest.json", True),
        ("m.mlmodelc/model.mil", True),
        ("saved_model/variables/variables.index", True),
        ("a.gguf", True),
        ("a.torchscript.pt", True),
        ("a.pt", False),
        ("a.safetensors", False),
        ("onnx.md", False),
        ("onnx_notes/readme.md", False),
        ("onnx", False),
    ],
)
def test_names(name, export):
    assert is_export(Path(name)) is export


def entry(name):
    """An ONNX StringStringEntryProto with the place of external data."""
    return b"\x0a\x08location\x12" + bytes([len(name)]) + name.encode()


def test_parts_of_exports(tmp_path):
    for name, content in {
        "network.xml": b"<?xml version='1.0'?>\n<net name='bert'>",
        "network.bin": b"weights",
        "notes.xml": b"<notes/>",
        "notes.bin": b"not a network's",
        "text.onnx": b"\x08\x07" + entry("text_weights") + b"\x01" + entry("gone"),
        "text_weights": b"weights",
        "other": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
    assert {file.name for file in parts_of_exports(tmp_path.iterdir())} == {
        "network.xml",
        "network.bin",
        "text_weights",
    }


@pytest.mark.parametrize("name", ["ema.safetensors", "ema.pt", "last.ckpt"])
def test_copies_of_the_weights_under_another_name(bert, tmp_path, name):
    values = {KEY: np.zeros((16, 8), np.float32)}
    other = {"dense.weight": np.zeros((16, 8), np.float32)}
    for stem, tensors in (("", values), ("other_", other)):
        file = bert / f"{stem}{name}"
        if name.endswith(".safetensors"):
            save_file(tensors, file)
        else:
            torch.save({"model": {key: torch.from_numpy(value) for key, value in tensors.items()}}, file)
    plan = extend_checkpoint(bert, tmp_path / "out", 32)
    assert [(file.name, why) for file, why in plan.left_out] == [(name, "a copy of the weights, with the old table")]
    assert (tmp_path / "out" / f"other_{name}").is_file()


def test_files_that_cannot_be_read_are_no_copies(tmp_path):
    for name in ("a.safetensors", "a.pt", "a.txt"):
        (tmp_path / name).write_bytes(KEY.encode())
        assert not holds_any(tmp_path / name, [KEY])
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("b/version", "3")
    assert not holds_any(tmp_path / "b.pt", [KEY])
    with zipfile.ZipFile(tmp_path / "c.pt", "w") as archive:
        archive.writestr("c/data.pkl", KEY)
    assert holds_any(tmp_path / "c.pt", [KEY])
    assert not holds_any(tmp_path / "c.pt", ["another.weight"])


def test_a_folder_of_its_own_keeps_its_weights(bert, tmp_path):
    (bert / "checkpoint-500").mkdir()
    save_file({KEY: np.zeros((16, 8), np.float32)}, bert / "checkpoint-500/model.safetensors")
    assert extend_checkpoint(bert, tmp_path / "out", 32).left_out == ()
