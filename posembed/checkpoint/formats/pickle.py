"""PyTorch pickles: loaded by torch with weights only, so that no code is run, and memory-mapped."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, cast

import ml_dtypes
import numpy as np

from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError, WorkFailedError, first_line

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
_WRAPPERS = ("state_dict", "model", "module", "model_state_dict", "teacher", "ema")  # as training scripts nest them


@dataclass(frozen=True, slots=True)
class PickledTensor(StoredTensor):
    """A tensor of a pickle, memory-mapped until it is read."""

    tensor: Tensor

    def read(self) -> Array:
        """Return the values as a NumPy array."""
        return to_numpy(self.tensor)


def load_pickle(path: Path) -> object:
    """Return what a PyTorch file holds, without running code.

    Raises:
        CheckpointError: for a file that is broken, or that would run code.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as those about the pickle's protocol: what matters is raised
            try:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except (RuntimeError, ValueError) as error:
                if "mmap" not in str(error):
                    raise
                return torch.load(path, map_location="cpu", weights_only=True)  # the format before torch 1.6
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: is not a plain mapping of tensors: it is broken, or loading it would run code. "
            "Nothing was run; fetch the safetensors version of this checkpoint"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever torch's reader raises: struct.error, KeyError, MemoryError, …
        why = first_line(error)
        raise CheckpointError(f"{path}: is not a PyTorch checkpoint, or a broken one ({why})") from error


def state_dict_of(loaded: object, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the tensors of a loaded file, and the names under which they are nested.

    Raises:
        CheckpointError: if there are none.
    """
    nested: tuple[str, ...] = ()
    while isinstance(loaded, Mapping):
        if any(_is_tensor(value) for value in loaded.values()):
            return {str(k): v for k, v in loaded.items() if _is_tensor(v)}, nested
        inner = next((name for name in _WRAPPERS if isinstance(loaded.get(name), Mapping)), None)
        if inner is None:
            break
        loaded, nested = loaded[inner], (*nested, inner)
    raise CheckpointError(f"{path}: holds no state dict (a mapping from names to tensors)")


def read_pickle_index(path: Path) -> Mapping[str, StoredTensor]:
    """Return the names, shapes and dtypes of a PyTorch file's tensors.

    Raises:
        CheckpointError: for a file that is broken, holds no tensors, or would run code.
    """
    tensors, _ = state_dict_of(load_pickle(path), path)
    return dict(_entries(tensors, path))


def _entries(tensors: Mapping[str, Tensor], path: Path) -> Iterator[tuple[str, StoredTensor]]:
    for key, tensor in tensors.items():
        dtype = DTYPE_NAMES.get(str(tensor.dtype), str(tensor.dtype))
        yield key, PickledTensor(key, tuple(int(n) for n in tensor.shape), dtype, path, tensor)


def _place(tensor: Tensor) -> int | None:
    """Return where a tensor's values lie in memory; ``None`` for a sparse one."""
    import torch

    return int(tensor.data_ptr()) if tensor.layout == torch.strided and not tensor.is_quantized else None


def _is_tensor(value: object) -> TypeGuard[Tensor]:
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "detach")


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


def rewrite_pickle(source: Path, target: Path, replacements: Mapping[str, Array]) -> None:
    """Write a copy of a PyTorch file with some tensors replaced; tensors that shared memory still share it.

    Raises:
        CheckpointError: if the old file cannot be read.
        WorkFailedError: if the new one does not read back as it was written.
    """
    import torch

    loaded = load_pickle(source)
    tensors, nested = state_dict_of(loaded, source)
    holder = cast("dict[str, object]", loaded)
    for name in nested:
        holder = cast("dict[str, object]", holder[name])
    for key, values in replacements.items():
        old, new = tensors[key], from_numpy(values).to(tensors[key].dtype)
        for name, other in tensors.items():
            if other is old or (
                _place(other) == _place(old) and other.shape == old.shape
            ):  # itself and those tied to it
                holder[name] = new
    torch.save(loaded, target)
    target.chmod(source.stat().st_mode & 0o7777)
    written, _ = state_dict_of(load_pickle(target), target)
    for key, values in replacements.items():
        if to_numpy(written[key]).tobytes() != values.tobytes():
            raise WorkFailedError(f"{target}: {key} does not read back as it was written: check the disk")
