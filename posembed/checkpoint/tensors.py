"""What is known of a stored tensor before its values are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor's name, shape and place, without its values."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    file: Path
