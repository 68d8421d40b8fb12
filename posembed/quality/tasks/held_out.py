"""The texts that retrieval sets are made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posembed.quality.documents.document import Document
from posembed.quality.tasks.excerpt import Encode, Excerpt, Source
from posembed.quality.tasks.haystack import Ints


class HeldOut:
    """Texts of one split as one row of tokens, and as documents with titles and sections.

    Args:
        texts: in tokens; haystacks and paragraphs are cut from them.
        documents: for the tasks that ask about real documents.
        everything: whether these are the documents of all splits.
    """

    def __init__(
        self, texts: Sequence[Sequence[int]], documents: Sequence[Document] = (), *, everything: bool = False
    ) -> None:
        rows = [np.asarray(text, dtype=np.int64) for text in texts]
        self.stream: Ints = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        self.documents = tuple(documents)
        self.everything = everything
        self._source: Source | None = None
        self._excerpts: dict[tuple[int, str, int], tuple[Excerpt, ...]] = {}

    def excerpts(self, encode: Encode, body: int, split: str, seed: int) -> tuple[Excerpt, ...]:
        """Return the documents of at least ``body`` tokens, cut to that length, in random order.

        All tasks of one length get the same ones, so that each has to be embedded once.
        """
        if self._source is None:
            self._source = Source(self.documents, encode)
        if (body, split, seed) not in self._excerpts:
            self._excerpts[body, split, seed] = self._source.excerpts(body, split, seed)
        return self._excerpts[body, split, seed]
