"""What two models make of one set of documents and queries: each pass is run once, timed, and shared by all systems."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.lexical import Bm25Index, WordVectorIndex, words
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.rows import Rows, dot_products, join_rows, mean_rows, split_rows

Vectors = NDArray[np.float32]
Ids = Sequence[Sequence[int]]
Value = TypeVar("Value")
Known = dict[Hashable, dict[tuple[int, ...], Vectors]]
"""Vectors of documents by pass: sets that ask about the same documents embed each of them once."""
# Chunk lengths in tokens, special ones included: powers of two up to 512, which is what most embedding models take; a
# model of another length is also measured at its own. Shorter chunks hold less than a paragraph.
CHUNK_LENGTHS = (128, 256, 512)


@dataclass(frozen=True)
class Models:
    """The models of an evaluation, and what they take.

    Attributes:
        checkpoint: the model to evaluate.
        original: the model before it was extended, or the same object.
        usable: longest input of the checkpoint in tokens, special ones included.
        original_usable: longest input of the original.
    """

    checkpoint: Embedder
    original: Embedder
    usable: int
    original_usable: int

    @property
    def chunk_lengths(self) -> tuple[int, ...]:
        """Chunk lengths to measure, special tokens included, the original's own length last."""
        least = self.original.special + 1
        shorter = [length for length in CHUNK_LENGTHS if least <= length < self.original_usable]
        return (*shorter, self.original_usable)


@dataclass(frozen=True)
class Chunks:
    """Vectors of the chunks of some documents.

    Attributes:
        vectors: of all chunks, in the documents' order, ``[chunks, d]``.
        counts: number of chunks of each document.
    """

    vectors: Vectors
    counts: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Number of each document's first chunk."""
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    @property
    def first(self) -> Vectors:
        """The vector of each document's first chunk."""
        return self.vectors[self.starts]

    def means(self, first: float = 0.0) -> Vectors:
        """Return the mean of each document's chunks; no unit vectors.

        Args:
            first: added to the mean: so many times the first chunk's vector.
        """
        means: Rows = mean_rows(self.vectors, self.counts)
        weighted: Vectors = (means + first * self.first) / (1 + first) if first else means
        return weighted

    def best(self, queries: Vectors, documents: slice) -> NDArray[np.float32]:
        """Return the score of each document's best chunk for each query, ``[queries, documents]``.

        Args:
            queries: vectors.
            documents: which documents.
        """
        starts, counts = self.starts[documents], self.counts[documents]
        own = slice(int(starts[0]), int(starts[-1] + counts[-1]))
        return np.maximum.reduceat(dot_products(queries, self.vectors[own]), starts - starts[0], axis=1)


class Passes:
    """Vectors of one set, made when first asked for and kept.

    Args:
        documents: token ids without special tokens.
        queries: likewise.
        models: the checkpoint and its original.
        known: vectors of documents of the same length that another set has too; new ones are added.

    Attributes:
        seconds: what each pass took.
        spent: what all of them took together.
    """

    def __init__(self, documents: Ids, queries: Ids, models: Models, known: Known | None = None) -> None:
        self.documents = [tuple(document) for document in documents]
        self.queries, self.models = queries, models
        self._known: Known = {} if known is None else known
        self.longest = max(map(len, documents)) + models.original.special
        self.seconds: dict[Hashable, float] = {}
        self.spent = 0.0
        self._kept: dict[Hashable, object] = {}

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what ``make`` returns, from the first call with this key."""
        if key not in self._kept:
            before, begun = self.spent, time.perf_counter()
            self._kept[key] = make()
            self.seconds[key] = time.perf_counter() - begun
            self.spent = before + self.seconds[key]  # passes within this one are part of its time
        return cast("Value", self._kept[key])

    def query_vectors(self, *, by_checkpoint: bool) -> Vectors:
        """Return the queries' vectors, ``[queries, d]``."""
        embedder = self.models.checkpoint if by_checkpoint else self.models.original
        return self.once(
            self.query_key(by_checkpoint=by_checkpoint), lambda: embedder.embed(self.queries, queries=True)
        )

    def query_key(self, *, by_checkpoint: bool) -> Hashable:
        """Return the key of the queries' pass in ``seconds``."""
        return "queries", by_checkpoint and self.models.checkpoint is not self.models.original

    def whole(self) -> Vectors:
        """Return the documents' vectors by the checkpoint, each read as a whole."""
        return self._late()[0]

    def late(self, length: int) -> Chunks:
        """Return late chunks of ``length`` tokens by the checkpoint: they share the pass of :meth:`whole`."""
        return self._late()[1][length]

    def _late(self) -> tuple[Vectors, dict[int, Chunks]]:
        checkpoint = self.models.checkpoint
        lengths = self.models.chunk_lengths if checkpoint.has_late_chunks else ()

        def embed(documents: Ids) -> Iterator[tuple[Hashable, Sequence[Vectors]]]:
            vectors, late = checkpoint.embed_late(documents, lengths)
            yield "whole", split_rows(vectors, [1] * len(documents))
            for length, parts in late.items():
                yield ("late", length), parts

        def make() -> tuple[Vectors, dict[int, Chunks]]:
            self._embed_new("whole", embed)
            return self._gather("whole").vectors, {length: self._gather(("late", length)) for length in lengths}

        return self.once("whole", make)

    def chunks(self, length: int) -> Chunks:
        """Return chunks of ``length`` tokens by the original; documents that are not longer are one chunk."""
        length, original = min(length, self.longest), self.models.original

        def embed(documents: Ids) -> Iterator[tuple[Hashable, Sequence[Vectors]]]:
            parts = original.cut(documents, length)
            vectors = original.embed([chunk for own in parts for chunk in own])
            yield ("chunks", length), split_rows(vectors, [len(own) for own in parts])

        def make() -> Chunks:
            self._embed_new(("chunks", length), embed)
            return self._gather(("chunks", length))

        return self.once(("chunks", length), make)

    def _embed_new(self, key: Hashable, embed: Callable[[Ids], Iterator[tuple[Hashable, Sequence[Vectors]]]]) -> None:
        """Embed the documents that no earlier set had."""
        new = [document for document in self.documents if document not in self._known.get(key, {})]
        if new:
            for name, vectors in embed(new):
                self._known.setdefault(name, {}).update(zip(new, vectors, strict=True))

    def _gather(self, key: Hashable) -> Chunks:
        parts = [self._known[key][document] for document in self.documents]
        return Chunks(join_rows(parts), np.array([part.shape[0] for part in parts], dtype=np.int64))

    def truncated(self, length: int) -> Vectors:
        """Return vectors by the original of documents cut to ``length`` tokens: first chunks, where these are made."""
        if length in self.models.chunk_lengths or length >= self.longest:
            return self.chunks(length).first
        return self.once(("truncated", length), lambda: self.models.original.embed_truncated(self.documents, length))

    def means(self, length: int, first: float = 0.0) -> Vectors:
        """Return the mean of each document's chunks, see :meth:`Chunks.means`."""
        return self.once(
            ("means", length, first), lambda: self.models.original.scaled(self.chunks(length).means(first))
        )

    def word_index(self, documents: slice) -> Bm25Index:
        """Return BM25 over some of the documents, as their tokens are decoded."""
        own = self.once("document words", lambda: [words(self.models.original.decode(text)) for text in self.documents])
        return self.once(("words", *documents.indices(len(own))), lambda: Bm25Index(own[documents]))

    def query_words(self) -> list[list[str]]:
        """Return the words of the queries, as their tokens are decoded."""
        return self.once("query words", lambda: [words(self.models.original.decode(text)) for text in self.queries])

    def vector_index(self, documents: slice, table: Vectors) -> WordVectorIndex:
        """Return averages of input word vectors of some of the documents."""
        key = ("word vectors", *documents.indices(len(self.documents)))
        return self.once(key, lambda: WordVectorIndex(self.documents[documents], table))
