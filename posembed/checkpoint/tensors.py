"""A stored tensor before its values are read: name, shape, dtype and file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")  # dtypes in which tables are stored


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor's name, shape and place, without its values; ``copy_of`` is set for a further copy of the weights."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    file: Path
    copy_of: str | None = field(default=None, kw_only=True)
