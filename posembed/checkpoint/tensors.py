"""A stored tensor before its values are read: name, shape, dtype and file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
QUANTIZED = (
    *("Q1_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K"),
    *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS"),
    *("TQ1_0", "TQ2_0", "MXFP4", "NVFP4"),
)
"""Types of GGUF that hold blocks of small numbers with a scale; they are read as F32."""
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", *QUANTIZED)  # dtypes in which tables are stored


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor's name, shape and place, without its values; ``copy_of`` is set for a further copy of the weights."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    file: Path
    copy_of: str | None = field(default=None, kw_only=True)
