"""How GGUF stores numbers: the types of metadata and of tensors, as data.

Sources: ``docs/gguf.md`` of github.com/ggml-org/ggml, and ``GGML_QUANT_SIZES`` of the package ``gguf`` 0.19.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

STRING, ARRAY, BOOL = 8, 9, 7
# Type of a metadata value: the code of `struct`.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", BOOL: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True, slots=True)
class TensorType:
    """One type of tensor.

    Attributes:
        name: as GGUF's tools write it, which is safetensors' name for plain numbers.
        block: numbers in a block; a row has whole blocks.
        size: bytes of a block.
        plain: the array type of plain numbers, ``None`` for quantized ones.
    """

    name: str
    block: int
    size: int
    plain: np.dtype[Any] | None = None


def _plain(name: str, array_type: Any) -> TensorType:
    return TensorType(name, 1, np.dtype(array_type).itemsize, np.dtype(array_type))


TENSOR_TYPES = {
    0: _plain("F32", "<f4"),
    1: _plain("F16", "<f2"),
    2: TensorType("Q4_0", 32, 18),
    3: TensorType("Q4_1", 32, 20),
    6: TensorType("Q5_0", 32, 22),
    7: TensorType("Q5_1", 32, 24),
    8: TensorType("Q8_0", 32, 34),
    9: TensorType("Q8_1", 32, 40),
    10: TensorType("Q2_K", 256, 84),
    11: TensorType("Q3_K", 256, 110),
    12: TensorType("Q4_K", 256, 144),
    13: TensorType("Q5_K", 256, 176),
    14: TensorType("Q6_K", 256, 210),
    15: TensorType("Q8_K", 256, 292),
    16: TensorType("IQ2_XXS", 256, 66),
    17: TensorType("IQ2_XS", 256, 74),
    18: TensorType("IQ3_XXS", 256, 98),
    19: TensorType("IQ1_S", 256, 50),
    20: TensorType("IQ4_NL", 32, 18),
    21: TensorType("IQ3_S", 256, 110),
    22: TensorType("IQ2_S", 256, 82),
    23: TensorType("IQ4_XS", 256, 136),
    24: _plain("I8", "i1"),
    25: _plain("I16", "<i2"),
    26: _plain("I32", "<i4"),
    27: _plain("I64", "<i8"),
    28: _plain("F64", "<f8"),
    29: TensorType("IQ1_M", 256, 56),
    30: _plain("BF16", ml_dtypes.bfloat16),
    34: TensorType("TQ1_0", 256, 54),
    35: TensorType("TQ2_0", 256, 66),
    39: TensorType("MXFP4", 32, 17),
    40: TensorType("NVFP4", 64, 36),
    41: TensorType("Q1_0", 128, 18),
}
F16 = 1
"""The type of a table whose own type the package cannot write."""
