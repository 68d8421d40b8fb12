"""Copies of weight files hold the new rows, and everything else."""

import numpy as np
import pytest

from posembed.checkpoint.formats.opening import is_weight_file, open_weight_file
from posembed.checkpoint.formats.rewriting import rewrite_weight_file


def archive(folder):
    np.savez(folder / "w.npz", pos_embedding=np.ones((4, 2), "f4"), other=np.zeros(3))
    return folder / "w.npz"


@pytest.mark.parametrize("make", [archive])
def test_every_format_keeps_the_contract(tmp_path, make):
    file = make(tmp_path)
    assert is_weight_file(file)
    opened = open_weight_file(file)
    assert opened.path == file
    key = next(key for key, tensor in opened.tensors.items() if tensor.shape == (4, 2))
    assert all(tensor.key == name and tensor.file == file for name, tensor in opened.tensors.items())
    rows = np.concatenate([opened.read(key)] * 2)
    rewrite_weight_file(opened, file.with_name(f"new{file.suffix}"), {key: rows}, {})
    again = open_weight_file(file.with_name(f"new{file.suffix}"))
    assert again.tensors.keys() == opened.tensors.keys()
    assert again.read(key).tolist() == rows.tolist()
