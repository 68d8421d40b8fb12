"""Formats with names of their own: the laws see known names, everybody else the file's."""

import json

import numpy as np

from posembed import extend_checkpoint, find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.find.renamed import renamed


def test_slashes_are_dots_for_the_laws_alone(tmp_path):
    folder = tmp_path / "mlx"
    folder.mkdir()
    np.savez(folder / "weights.npz", **{"a/wpe/weight": np.random.default_rng(0).normal(size=(16, 4)), "b": np.ones(2)})
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_positions": 16}))
    checkpoint = open_checkpoint(folder)
    assert renamed(checkpoint).tensors.keys() == {"a.wpe.weight", "b"}
    (table,) = find_tables(checkpoint)
    assert table.key == "a/wpe/weight"
    assert "a/wpe/weight" in table.evidence[0]
    extend_checkpoint(folder, tmp_path / "out", 32)
    assert np.load(tmp_path / "out" / "weights.npz")["a/wpe/weight"].shape == (32, 4)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["n_positions"] == 32


def test_no_tensor_takes_the_name_of_another(tmp_path):
    np.savez(tmp_path / "w.npz", **{"a/b": np.ones(2), "a.b": np.zeros(3)})
    assert renamed(open_checkpoint(tmp_path / "w.npz")).tensors.keys() == {"a/b", "a.b"}
