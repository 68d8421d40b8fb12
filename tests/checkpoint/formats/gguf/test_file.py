"""Tensors of a GGUF file, and its metadata as a configuration."""

import numpy as np
import pytest

from posembed.checkpoint.formats.gguf.file import open_gguf
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from tests.fixtures.gguf_files import bert, gguf_bytes


def test_tensors_are_read_as_they_were_written(tmp_path):
    pairs, tensors = bert()
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(pairs, tensors))
    opened = open_gguf(tmp_path / "m.gguf")
    for name, values in tensors.items():
        assert opened.read(name).tobytes() == values.tobytes()
        assert opened.read(name).shape == values.shape == opened.tensors[name].shape
    assert opened.config["model_type"] == "bert"
    assert opened.config["bert"] == {"context_length": 16, "embedding_length": 8}
    with pytest.raises(InvalidArgumentError, match="has no tensor 'x'"):
        opened.read("x")
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(*bert(rows=17)))
    with pytest.raises(CheckpointError, match="changed since it was opened"):
        opened.read("token_embd.weight")


def test_a_file_without_tensors_is_refused(tmp_path):
    (tmp_path / "vocab.gguf").write_bytes(gguf_bytes({"general.architecture": "bert"}, {}))
    with pytest.raises(CheckpointError, match="holds no tensors"):
        open_gguf(tmp_path / "vocab.gguf")


def test_a_quantized_table_needs_the_package(tmp_path, monkeypatch):
    import sys

    (tmp_path / "m.gguf").write_bytes(gguf_bytes({}, {"position_embd.weight": (8, (2, 32), bytes(68))}))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError, match=r'run  pip install "posembed\[gguf\]"'):
        open_gguf(tmp_path / "m.gguf").read("position_embd.weight")


def test_plain_values_are_stored_as_they_are(tmp_path):
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(*bert(dtype="<f2")))
    rows = np.ones((32, 8), "<f2")
    assert open_gguf(tmp_path / "m.gguf").as_stored("position_embd.weight", rows).tobytes() == rows.tobytes()
