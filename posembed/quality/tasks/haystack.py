"""Put evidence into a text at a given depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def insert(evidence: Sequence[int] | Ints, haystack: Ints, body: int, depth: float) -> list[int]:
    """Return ``body`` tokens: the evidence at a fraction ``depth`` of the document, haystack before and after it.

    The result is longer if the evidence is.

    Args:
        evidence: token ids.
        haystack: token ids, at least ``body`` of them.
        body: tokens of the document.
        depth: 0 for the start, 1 for the end.

    Example:
        >>> insert([7], np.zeros(5, dtype=np.int64), 5, 0.5)
        [0, 0, 7, 0, 0]
    """
    room = max(body - len(evidence), 0)
    at = round(depth * room)
    return [*haystack[:at].tolist(), *map(int, evidence), *haystack[at:room].tolist()]


def window(stream: Ints, length: int, rng: np.random.Generator) -> Ints:
    """Return ``length`` consecutive tokens from a random place on; after the last token comes the first again."""
    return stream[(int(rng.integers(len(stream))) + np.arange(length)) % len(stream)]
