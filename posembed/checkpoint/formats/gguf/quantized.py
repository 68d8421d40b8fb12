"""Numbers of quantized tensors: the package ``gguf`` knows how."""

from __future__ import annotations

import math

import numpy as np

from posembed.checkpoint.formats.gguf.types import F16, TENSOR_TYPES
from posembed.checkpoint.tensors import Array
from posembed.errors import require_package

_EXTRA = "gguf"


def dequantized(data: bytes, kind: int, shape: tuple[int, ...]) -> Array:
    """Return the numbers of a quantized tensor as F32.

    Raises:
        MissingExtraError: without the package.
    """
    known = TENSOR_TYPES[kind]
    require_package("gguf", _EXTRA, f"reading a {known.name} tensor")
    import gguf

    blocks = np.frombuffer(data, np.uint8).reshape(*shape[:-1], shape[-1] // known.block * known.size)
    values: Array = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType(kind)).reshape(shape)
    return values


def quantized(values: Array, kind: int) -> bytes | None:
    """Return numbers as a quantized tensor, or ``None`` if the package can read this type but not write it.

    Raises:
        MissingExtraError: without the package.
    """
    require_package("gguf", _EXTRA, f"writing a {TENSOR_TYPES[kind].name} tensor")
    import gguf

    try:
        blocks: Array = gguf.quants.quantize(values.astype(np.float32), gguf.GGMLQuantizationType(kind))
    except NotImplementedError:
        return None
    return blocks.tobytes()


def encoded(values: Array, kind: int, old: bytes) -> tuple[int, bytes]:
    """Return the type and the bytes of new rows: those of an old row where a new one repeats it.

    Args:
        values: the new rows, ``[…, d_model]`` of F32.
        kind: the old type.
        old: the old tensor.

    Returns:
        The old type where it can be written, or else F16.
    """
    known, width = TENSOR_TYPES[kind], values.shape[-1]
    size = width // known.block * known.size
    olds = [old[begin : begin + size] for begin in range(0, len(old), size)]
    rows = dequantized(old, kind, (len(olds), width))
    stored = {row.tobytes(): blocks for row, blocks in zip(rows, olds, strict=True)}
    new = np.ascontiguousarray(values, np.float32).reshape(math.prod(values.shape[:-1]), width)
    parts = [stored.get(row.tobytes()) for row in new]
    others = [at for at, part in enumerate(parts) if part is None]
    written = quantized(new[others], kind) if others else b""
    if written is None:
        return F16, new.astype("<f2").tobytes()
    for count, at in enumerate(others):
        parts[at] = written[count * size : (count + 1) * size]
    return kind, b"".join(part for part in parts if part is not None)
