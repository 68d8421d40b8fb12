"""Open a GGUF file: its tensors by name, and its metadata as a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posembed.checkpoint.copying import opened, read_into
from posembed.checkpoint.formats.gguf.header import GgufHeader, read_gguf_header
from posembed.checkpoint.formats.gguf.quantized import dequantized, encoded
from posembed.checkpoint.formats.gguf.types import F16, TENSOR_TYPES
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError, InvalidArgumentError

ARCHITECTURE = "general.architecture"
_ROUNDS = 8
"""Rounded values are rounded once more when they are written; Q4_0 may take two rounds until nothing changes."""


@dataclass(frozen=True)
class GgufFile:
    """An opened GGUF file.

    Attributes:
        path: the file.
        header: its header.
        tensors: by name; the last axis varies fastest, as everywhere in Python.
        config: its metadata, nested at the dots, with the architecture as ``model_type``.
    """

    path: Path
    header: GgufHeader
    tensors: Mapping[str, StoredTensor]
    config: Mapping[str, object] = field(repr=False)

    @property
    def parts(self) -> tuple[Path, ...]:
        """No other file."""
        return ()

    def read(self, key: str) -> Array:
        """Return the values of one tensor; those of a quantized one as F32.

        Raises:
            CheckpointError: if they cannot be read, or the file changed since it was opened.
            InvalidArgumentError: if there is no such tensor.
            MissingExtraError: for a quantized one without the package ``gguf``.
        """
        if key not in self.tensors:
            raise InvalidArgumentError(f"{self.path} has no tensor {key!r} among its {len(self.tensors)}")
        info = self.header.tensors[key]
        plain, data = TENSOR_TYPES[info.kind].plain, self.stored(key)
        if plain is None:
            return dequantized(data, info.kind, info.shape)
        return np.frombuffer(bytearray(data), plain).reshape(info.shape)

    def stored(self, key: str) -> bytes:
        """Return a tensor's bytes."""
        info = self.header.tensors[key]
        data = bytearray(info.nbytes)
        with opened(self.path) as descriptor:
            self.require_unchanged(descriptor)
            try:
                read_into(descriptor, memoryview(data), self.header.data_start + info.begin)
            except OSError as error:
                raise CheckpointError(
                    f"{self.path}: cannot be read: {error.strerror or error}; check the disk"
                ) from error
        return bytes(data)

    def require_unchanged(self, descriptor: int) -> None:
        """Refuse a file that is no longer the one that was opened."""
        facts = os.fstat(descriptor)
        if (facts.st_size, facts.st_mtime_ns) != (self.header.size, self.header.modified_ns):
            raise CheckpointError(f"{self.path} changed since it was opened: wait until nothing writes to it")

    def as_stored(self, key: str, values: Array) -> Array:
        """Return new values as they will be read back, with what their type rounds away."""
        for _ in range(_ROUNDS):
            kind, data = self.encoded(key, values)
            plain = TENSOR_TYPES[kind].plain
            rounded = (
                dequantized(data, kind, values.shape)
                if plain is None
                else np.frombuffer(bytearray(data), plain).reshape(values.shape)
            )
            if rounded.tobytes() == values.tobytes():
                break
            values = rounded
        return values

    def encoded(self, key: str, values: Array) -> tuple[int, bytes]:
        """Return the type in which new values are written, and their bytes."""
        kind = self.header.tensors[key].kind
        if TENSOR_TYPES[kind].plain is not None:
            return kind, np.ascontiguousarray(values).tobytes()
        if values.dtype == np.float16:  # rounded already, since its own type cannot be written
            return F16, np.ascontiguousarray(values).tobytes()
        return encoded(values, kind, self.stored(key))


def open_gguf(path: Path) -> GgufFile:
    """Open a GGUF file; only its header is read.

    Raises:
        CheckpointError: if it is damaged, or of a kind that cannot be read.
    """
    header = read_gguf_header(path)
    tensors = {
        name: StoredTensor(name, info.shape, TENSOR_TYPES[info.kind].name, path)
        for name, info in header.tensors.items()
    }
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors (a vocabulary alone, or the first of several parts)")
    return GgufFile(path, header, tensors, _config(header))


def _config(header: GgufHeader) -> dict[str, object]:
    """Return the metadata as ``config.json`` would have it; a name that is also a group is left out."""
    entry = header.metadata.get(ARCHITECTURE)
    config: dict[str, object] = {"model_type": str(entry.value) if entry is not None else "gguf"}
    for key, each in header.metadata.items():
        names, place = key.split("."), config
        for name in names[:-1]:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            if each.value is not None:
                place.setdefault(names[-1], each.value)
    return config
