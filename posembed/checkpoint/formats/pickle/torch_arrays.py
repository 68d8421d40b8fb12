"""PyTorch tensors as NumPy arrays and back, bfloat16 included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np

from posembed.checkpoint.tensors import Array

if TYPE_CHECKING:
    from torch import Tensor

DTYPE_NAMES = {
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.int16": "I16",
    "torch.int8": "I8",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
}


def to_numpy(tensor: Tensor) -> Array:
    """Return a tensor's values as a NumPy array; bfloat16 becomes that of ``ml_dtypes``."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        values: Array = tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
        return values
    return np.asarray(tensor.numpy())


def from_numpy(values: Array) -> Tensor:
    """Return a NumPy array as a tensor; the inverse of :func:`to_numpy`."""
    import torch

    if values.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(np.ascontiguousarray(values).view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.ascontiguousarray(values))
