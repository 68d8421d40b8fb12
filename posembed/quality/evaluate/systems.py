"""Ways to search the same documents: the checkpoint, and the baselines that it is compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.passes import Chunks, Models, Passes, Vectors
from posembed.quality.models.rows import dot_products

Scores = NDArray[np.float32]
CHECKPOINT, TRUNCATED, CHUNKED, BM25, WORD_VECTORS = (
    "checkpoint",
    "truncated",
    "chunks averaged",
    "BM25",
    "word vectors",
)
# How much the beginning of a document adds to the mean of its chunks: half of a mean's weight, because a text's
# beginning often says what all of it is about.
FIRST_WEIGHT = 0.5


class System(ABC):
    """A way to score documents for queries.

    Attributes:
        name: as results call it.
        baseline: whether it is one that the checkpoint is compared with.
        by_checkpoint: whether the checkpoint embeds the queries; the original does for the others.
    """

    baseline = True
    by_checkpoint = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def scores(self, passes: Passes, queries: slice, documents: slice) -> Scores:
        """Return the score of each document for each query, ``[queries, documents]``; higher is better.

        Args:
            passes: of the whole set.
            queries: which of its queries.
            documents: which of its documents.
        """

    @abstractmethod
    def vectors_per_document(self, passes: Passes) -> float | None:
        """Return how many vectors an index would store per document; ``None`` where it stores none."""

    @abstractmethod
    def tokens_per_document(self, passes: Passes) -> float:
        """Return how many tokens the Transformer reads per document, special ones included."""

    def measures(self, _passes: Passes) -> bool:
        """Return whether this system can read the documents."""
        return True

    def same_as(self, _passes: Passes) -> str | None:
        """Return the name of a simpler system that does the same with these documents, if there is one."""
        return None

    def query_passes(self, passes: Passes) -> tuple[Hashable, ...]:
        """Return the keys of the passes over the queries, whose time counts for every query."""
        return (passes.query_key(by_checkpoint=self.by_checkpoint),)


class OneVector(System):
    """Documents with one vector each."""

    @abstractmethod
    def document_vectors(self, passes: Passes) -> Vectors:
        """Return the documents' vectors, ``[documents, d]``."""

    def scores(self, passes: Passes, queries: slice, documents: slice) -> Scores:
        """Return dot products; those of unit vectors are cosines."""
        vectors = passes.query_vectors(by_checkpoint=self.by_checkpoint)[queries]
        return dot_products(vectors, self.document_vectors(passes)[documents])

    def vectors_per_document(self, _passes: Passes) -> float:
        """Return 1."""
        return 1.0


class Whole(OneVector):
    """The checkpoint, which reads whole documents."""

    baseline, by_checkpoint = False, True

    def document_vectors(self, passes: Passes) -> Vectors:
        """Return vectors of whole documents."""
        return passes.whole()

    def measures(self, passes: Passes) -> bool:
        """Return whether the longest document fits."""
        return passes.longest <= passes.models.usable

    def tokens_per_document(self, passes: Passes) -> float:
        """Return the documents' length."""
        return _mean_length(passes, passes.longest)


class Truncated(OneVector):
    """The original, which reads the beginning of each document.

    Args:
        name: as results call it.
        length: tokens of the beginning, special ones included.
    """

    def __init__(self, name: str, length: int) -> None:
        super().__init__(name)
        self.length = length

    def document_vectors(self, passes: Passes) -> Vectors:
        """Return vectors of the beginnings."""
        return passes.truncated(self.length)

    def tokens_per_document(self, passes: Passes) -> float:
        """Return what is left of the documents' length."""
        return _mean_length(passes, self.length)

    def same_as(self, passes: Passes) -> str | None:
        """Return what reads whole documents where nothing is cut."""
        return _uncut(passes, self.name) if passes.longest <= self.length else None


class ChunkSystem(System):
    """The original, which reads documents in chunks.

    Args:
        name: as results call it.
        length: tokens per chunk, special ones included.
    """

    def __init__(self, name: str, length: int) -> None:
        super().__init__(name)
        self.length = length

    def chunks(self, passes: Passes) -> Chunks:
        """Return the chunks of all documents."""
        return passes.chunks(self.length)

    def tokens_per_document(self, passes: Passes) -> float:
        """Return the length of all chunks."""
        texts = passes.documents
        special = int(self.chunks(passes).counts.sum()) * passes.models.original.special
        return (sum(map(len, texts)) + special) / len(texts)

    def same_as(self, passes: Passes) -> str | None:
        """Return what reads whole documents where each is one chunk."""
        return _uncut(passes, self.name) if passes.longest <= self.length else None


class AveragedChunks(ChunkSystem, OneVector):
    """One vector: the mean of a document's chunks, and more of the first one if wanted.

    Args:
        name: as results call it.
        length: tokens per chunk, special ones included.
        first: added to the mean before it is normalized: so many times the first chunk's vector.
    """

    def __init__(self, name: str, length: int, first: float = 0.0) -> None:
        super().__init__(name, length)
        self.first = first

    def document_vectors(self, passes: Passes) -> Vectors:
        """Return the means."""
        return passes.means(self.length, self.first)


class BestChunk(ChunkSystem):
    """A document scores as its best chunk does."""

    def scores(self, passes: Passes, queries: slice, documents: slice) -> Scores:
        """Return the highest score of a document's chunks."""
        vectors = passes.query_vectors(by_checkpoint=self.by_checkpoint)[queries]
        return self.chunks(passes).best(vectors, documents)

    def vectors_per_document(self, passes: Passes) -> float:
        """Return the mean number of chunks."""
        return float(self.chunks(passes).counts.mean())


class LateChunks(BestChunk):
    """The best chunk, where a chunk's vector is pooled from the checkpoint's states of the whole document."""

    by_checkpoint = True

    def chunks(self, passes: Passes) -> Chunks:
        """Return late chunks."""
        return passes.late(self.length)

    def tokens_per_document(self, passes: Passes) -> float:
        """Return the documents' length: they are read once."""
        return _mean_length(passes, passes.longest)

    def measures(self, passes: Passes) -> bool:
        """Return whether the longest document fits."""
        return passes.longest <= passes.models.usable

    def same_as(self, passes: Passes) -> str | None:
        """Return the checkpoint where each document is one chunk."""
        return CHECKPOINT if passes.longest <= self.length else None


class WordVectors(System):
    """Averages of input word vectors, weighted by inverse document frequency."""

    def __init__(self, name: str, table: Vectors) -> None:
        super().__init__(name)
        self.table = table

    def scores(self, passes: Passes, queries: slice, documents: slice) -> Scores:
        """Return cosines."""
        return passes.vector_index(documents, self.table).scores(passes.queries[queries])

    def vectors_per_document(self, _passes: Passes) -> float:
        """Return 1."""
        return 1.0

    def tokens_per_document(self, _passes: Passes) -> float:
        """Return 0: no Transformer runs."""
        return 0.0

    def query_passes(self, _passes: Passes) -> tuple[Hashable, ...]:
        """Return nothing: queries are averaged when they are scored."""
        return ()


class Bm25(System):
    """Counts shared words."""

    def scores(self, passes: Passes, queries: slice, documents: slice) -> Scores:
        """Return BM25 scores."""
        return passes.word_index(documents).scores(passes.query_words()[queries])

    def vectors_per_document(self, _passes: Passes) -> None:
        """Return nothing: an index of words has no vectors."""

    def tokens_per_document(self, _passes: Passes) -> float:
        """Return 0: no Transformer runs."""
        return 0.0

    def query_passes(self, _passes: Passes) -> tuple[Hashable, ...]:
        """Return the split into words."""
        return ("query words",)


def systems(models: Models, *, bm25: bool = True) -> tuple[System, ...]:
    """Return the systems to measure, in the order in which results list them.

    Args:
        models: the checkpoint and its original.
        bm25: whether the library that BM25 needs is there.
    """
    own, lengths = models.original_usable, models.chunk_lengths
    stored, table = models.original.stored_limit, models.original.input_vectors()
    found: list[System] = [Whole(CHECKPOINT), Truncated(TRUNCATED, own)]
    if stored is not None and models.original.special < stored < own:
        found.append(Truncated(f"{TRUNCATED} {stored}", stored))
    found += [AveragedChunks(CHUNKED if length == own else f"{CHUNKED} {length}", length) for length in lengths]
    found += [AveragedChunks(f"first + average {length}", length, FIRST_WEIGHT) for length in lengths]
    found += [WordVectors(WORD_VECTORS, table)] if table is not None else []
    found += [BestChunk(f"best chunk {length}", length) for length in lengths]
    if models.checkpoint.has_late_chunks:
        found += [LateChunks(f"late chunk {length}", length) for length in lengths]
    return (*found, Bm25(BM25)) if bm25 else tuple(found)


def absent(models: Models) -> tuple[str, ...]:
    """Return which systems a model cannot be measured with, a sentence each."""
    sentences = []
    if models.original.input_vectors() is None:
        sentences.append("word vectors were not measured: the model has no table of input word vectors")
    if not models.checkpoint.has_late_chunks:
        pooling = models.checkpoint.pooling
        sentences.append(f"late chunks were not measured: no vector is made of part of a text ({pooling})")
    return tuple(sentences)


def _uncut(passes: Passes, name: str) -> str | None:
    """Return the system that reads whole documents with the original, other than the named one."""
    models = passes.models
    if models.checkpoint is models.original and passes.longest <= models.usable:
        return CHECKPOINT
    return TRUNCATED if name != TRUNCATED else None


def _mean_length(passes: Passes, most: int) -> float:
    special = passes.models.original.special
    return float(np.mean([min(len(text) + special, most) for text in passes.documents]))
