"""One loaded model that embeds texts with the old rows, or with those of a candidate; nothing is embedded twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from posembed.quality.models.embedder import Embedder
from posembed.quality.search.embedding.judged import JudgedSet, Outcomes, Texts, Vectors
from posembed.quality.search.longer_table import LongerTable

Side = Literal["queries", "documents"]
"""The two are told apart by their prompts."""
Known = dict[tuple[Side, tuple[int, ...]], Vectors]


class Tried:
    """A proposal that is measured; it keeps the vectors that its rows gave.

    Args:
        method: the method's name.
        options: of the method.
    """

    def __init__(self, method: str, options: Mapping[str, object]) -> None:
        self.method, self.options = method, dict(options)
        self.kept = 0
        self.vectors: Known = {}


class Bench:
    """A model whose table is exchanged.

    Args:
        embedder: of the model.
        table: its longer table.
    """

    def __init__(self, embedder: Embedder, table: LongerTable) -> None:
        self.embedder, self.table = embedder, table
        self._old: Known = {}

    def old(self, texts: Texts, side: Side) -> Vectors:
        """Return vectors by the old table, ``[texts, d]``; no text is longer than it."""
        new = _missing(texts, side, self._old)
        if new:
            self.restore()
            self._embed(new, side, self._old)
        return np.stack([self._old[side, text] for text in texts])

    def new(self, tried: Tried, texts: Texts, side: Side, *, length_aware: bool) -> Vectors:
        """Return vectors by a candidate's table, ``[texts, d]``.

        Texts that read the same rows as before are embedded once for all candidates.

        Args:
            tried: the candidate.
            texts: token ids.
            side: whether they are queries or documents.
            length_aware: whether texts that the old table has room for read it.
        """
        tried.kept = self.table.kept(tried.method, tried.options)
        around = self.embedder.query_special if side == "queries" else self.embedder.special
        longest = (self.table.usable_length if length_aware else tried.kept) - around
        same = tuple(text for text in texts if len(text) <= longest)
        vectors = dict(zip(same, self.old(same, side), strict=True)) if same else {}
        missing = _missing([text for text in texts if text not in vectors], side, tried.vectors)
        if missing:
            self.table.put(tried.method, tried.options)
            self._embed(missing, side, tried.vectors)
        return np.stack([vectors[text] if text in vectors else tried.vectors[side, text] for text in texts])

    def outcomes(self, tried: Tried, sets: Iterable[JudgedSet], *, length_aware: bool) -> Outcomes:
        """Return how well a candidate finds what is wanted, in each set."""
        return {
            each.key: each.outcomes(
                self.new(tried, each.queries, "queries", length_aware=length_aware),
                self.new(tried, each.documents, "documents", length_aware=length_aware),
            )
            for each in sets
        }

    def old_outcomes(self, sets: Iterable[JudgedSet]) -> Outcomes:
        """Return how well the old table finds what is wanted in documents that it has room for."""
        return {
            each.key: each.outcomes(self.old(each.queries, "queries"), self.old(each.documents, "documents"))
            for each in sets
        }

    def restore(self) -> None:
        """Write the old rows into the model."""
        self.table.restore()

    def _embed(self, texts: Sequence[tuple[int, ...]], side: Side, known: Known) -> None:
        vectors = self.embedder.embed(texts, queries=side == "queries")
        known.update({(side, text): vector for text, vector in zip(texts, vectors, strict=True)})


def _missing(texts: Sequence[tuple[int, ...]], side: Side, known: Known) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(text for text in texts if (side, text) not in known))
