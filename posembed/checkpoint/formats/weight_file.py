"""What every opened weight file can do that is neither safetensors nor a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from posembed.checkpoint.tensors import Array, StoredTensor


class WeightFile(Protocol):
    """An opened weight file: its header was read, its tensors were not."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def tensors(self) -> Mapping[str, StoredTensor]:
        """Every tensor by key, in the file's order."""

    @property
    def config(self) -> Mapping[str, object]:
        """What the file says about its model, nested as in ``config.json``; empty if it says nothing."""

    @property
    def parts(self) -> tuple[Path, ...]:
        """Further files that hold its tensors, such as ONNX's external data."""

    def read(self, key: str) -> Array:
        """Return the values of one tensor; those of a quantized one as F32.

        Raises:
            CheckpointError: if they cannot be read, or the file changed since it was opened.
        """

    def as_stored(self, key: str, values: Array) -> Array:
        """Return new values of a tensor as they will be read back, with what its type rounds away."""
