"""Rank documents by a checkpoint and by the baselines, truncation and chunk averaging, and compare their hits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.retrieval_set import DEPTHS, RetrievalSet
from posembed.records.evaluate import Task
from posembed.records.evaluation import Comparison, DocumentInterval, RetrievalCell
from posembed.statistics import bootstrap_interval, difference, holm

Vectors = NDArray[np.float32]
System = Callable[[Sequence[Sequence[int]]], Vectors]
CHECKPOINT, TRUNCATED, CHUNKED = "checkpoint", "truncated", "chunks averaged"


@dataclass(frozen=True)
class Cell:
    """The outcome of every document: one task at one length by one system.

    Attributes:
        task: the task.
        length: tokens per document.
        system: the name of the system that embedded the documents.
        hits: 1 where a query's own document ranked first, else 0; ``[queries]``.
        depths: stratum of each query's evidence, ``[queries]``.
    """

    task: Task
    length: int
    system: str
    hits: NDArray[np.int64]
    depths: NDArray[np.int64]

    def summary(self) -> RetrievalCell:
        """Return the accuracy with its interval, and by depth of the evidence."""
        strata = [self.hits[self.depths == depth] for depth in range(DEPTHS)]
        return RetrievalCell(
            task=self.task,
            length=self.length,
            system=self.system,
            documents=len(self.hits),
            accuracy=DocumentInterval(**bootstrap_interval(self.hits)),
            by_depth=tuple(float(hits.mean()) if len(hits) else None for hits in strata),
        )


def hits(retrieval: RetrievalSet, documents: Vectors, queries: Vectors) -> NDArray[np.int64]:
    """Return 1 for each query whose own document ranks first in its pool, else 0; a tie is a miss.

    Args:
        retrieval: the set that was embedded.
        documents: unit vectors, ``[documents, d]``.
        queries: unit vectors, ``[documents, d]``.
    """
    outcomes = []
    for begin in range(0, len(documents), retrieval.pool):
        scores = queries[begin : begin + retrieval.pool] @ documents[begin : begin + retrieval.pool].T
        own = np.diagonal(scores).copy()
        np.fill_diagonal(scores, -np.inf)
        outcomes.append(own > scores.max(axis=1))
    return np.concatenate(outcomes).astype(np.int64)


def systems(checkpoint: Embedder, original: Embedder, usable: int) -> dict[str, System]:
    """Return the functions that embed documents: the checkpoint, and the original on cut or chunked inputs.

    Args:
        checkpoint: the model to evaluate.
        original: the model before it was extended, or the same one.
        usable: the longest input of the original, special tokens included.
    """
    return {
        CHECKPOINT: checkpoint.embed,
        TRUNCATED: lambda texts: original.embed_truncated(texts, usable),
        CHUNKED: lambda texts: original.embed_chunked(texts, usable),
    }


def comparisons(cells: Iterable[Cell]) -> tuple[Comparison, ...]:
    """Compare the checkpoint with each baseline in each cell; p-values are corrected over all of them."""
    by_place: dict[tuple[Task, int], dict[str, Cell]] = {}
    for cell in cells:
        by_place.setdefault((cell.task, cell.length), {})[cell.system] = cell
    pairs = [
        (named[CHECKPOINT], baseline)
        for named in by_place.values()
        if CHECKPOINT in named
        for baseline in named.values()
        if baseline.system != CHECKPOINT
    ]
    differences = [difference(checkpoint.hits, baseline.hits) for checkpoint, baseline in pairs]
    adjusted = holm([each["p"] for each in differences])
    return tuple(
        Comparison(baseline.task, baseline.length, CHECKPOINT, baseline.system, **each, p_holm=p_holm)
        for (_, baseline), each, p_holm in zip(pairs, differences, adjusted, strict=True)
    )
