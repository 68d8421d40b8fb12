"""What an opened weight file says of itself."""

import numpy as np
import pytest

from posembed.checkpoint.formats.opening import is_weight_file, open_weight_file


def archive(folder):
    np.savez(folder / "w.npz", pos_embedding=np.ones((4, 2), "f4"), other=np.zeros(3))
    return folder / "w.npz"


@pytest.mark.parametrize("make", [archive])
def test_every_format_says_its_path_and_tensors(tmp_path, make):
    file = make(tmp_path)
    assert is_weight_file(file)
    opened = open_weight_file(file)
    assert opened.path == file
    assert all(tensor.key == name and tensor.file == file for name, tensor in opened.tensors.items())
    assert opened.read(next(key for key, t in opened.tensors.items() if t.shape == (4, 2))).shape == (4, 2)
