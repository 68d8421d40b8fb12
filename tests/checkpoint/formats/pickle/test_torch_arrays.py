"""Tensors become arrays and come back."""

import ml_dtypes
import torch

from posembed.checkpoint.formats.pickle.torch_arrays import from_numpy, to_numpy


def test_dtypes_go_there_and_back():
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool):
        tensor = (torch.randn(3, 4) * 3).to(dtype)
        assert torch.equal(from_numpy(to_numpy(tensor.t())), tensor.t())
    assert to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype == ml_dtypes.bfloat16
