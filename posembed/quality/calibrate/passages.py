"""Passages of a length, cut from texts that follow each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError
from posembed.quality.models.embedder import Embedder

_LEAST_TOKENS = 2048  # of all texts of a split


class Passage:
    """Texts as one row of tokens, from which passages are cut.

    Args:
        rows: token ids of each text.
    """

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self.tokens = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        self.begins = np.cumsum([0, *(len(row) for row in rows[:-1])])

    @classmethod
    def all(cls, texts: Sequence[str], embedder: Embedder, split: str) -> Passage:
        """Encode texts.

        Raises:
            DataError: if they are too short.
        """
        rows = [ids for ids in map(embedder.encode, texts) if ids]
        count = sum(map(len, rows))
        if count < _LEAST_TOKENS:
            raise DataError(
                f"the {split} texts have {count:,} tokens, at least {_LEAST_TOKENS:,} are needed: give more text with "
                "`data`"
            )
        return cls(rows)

    def draw(self, size: int, rng: np.random.Generator) -> list[int]:
        """Return ``size`` tokens: half of the passages begin where a text does, since titles stand there.

        A passage may go on into the text that follows. Texts shorter than a passage are joined by that.
        """
        size = min(size, len(self.tokens))
        last = len(self.tokens) - size
        begins: NDArray[np.int64] = self.begins[self.begins <= last]
        at = int(rng.choice(begins)) if rng.random() < 0.5 else int(rng.integers(0, last + 1))
        return [int(token) for token in self.tokens[at : at + size]]
