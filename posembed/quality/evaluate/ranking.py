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
Embed = Callable[[Sequence[Sequence[int]]], Vectors]
CHECKPOINT, TRUNCATED, CHUNKED = "checkpoint", "truncated", "chunks averaged"


@dataclass(frozen=True)
class System:
    """A way to embed documents.

    Attributes:
        name: as results call it.
        embed: token ids to unit vectors.
        baseline: whether it is one that the checkpoint is compared with; its queries are embedded by the original.
        measures: whether documents of a length are measured by it.
    """

    name: str
    embed: Embed
    baseline: bool
    measures: Callable[[int], bool]


@dataclass(frozen=True)
class Cell:
    """The outcome of every document: one task at one length by one system.

    Attributes:
        task: the task.
        length: tokens per document.
        system: name of the system that embedded the documents.
        baseline: whether that is a baseline.
        hits: 1 where a query's own document ranked first, else 0; ``[queries]``.
        depths: stratum of each query's evidence, ``[queries]``.
    """

    task: Task
    length: int
    system: str
    baseline: bool
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


def systems(checkpoint: Embedder, original: Embedder, usable: int, original_usable: int) -> tuple[System, ...]:
    """Return the systems to measure: the checkpoint, and the original on cut or chunked inputs.

    The checkpoint is measured at lengths that it takes. Where it is its own original, the baselines are measured at
    lengths that it does not take: at others nothing is cut, and the number would be the same again.

    Args:
        checkpoint: the model to evaluate.
        original: the model before it was extended, or the same object.
        usable: the longest input of the checkpoint, special tokens included.
        original_usable: the longest input of the original.
    """

    def cuts(length: int) -> bool:
        return checkpoint is not original or length > original_usable

    return (
        System(CHECKPOINT, checkpoint.embed, baseline=False, measures=lambda length: length <= usable),
        System(TRUNCATED, lambda texts: original.embed_truncated(texts, original_usable), baseline=True, measures=cuts),
        System(CHUNKED, lambda texts: original.embed_chunked(texts, original_usable), baseline=True, measures=cuts),
    )


def comparisons(cells: Iterable[Cell]) -> tuple[Comparison, ...]:
    """Compare the checkpoint with each baseline in each cell; p-values are corrected over all of them."""
    cells = list(cells)
    own = {(cell.task, cell.length): cell for cell in cells if not cell.baseline}
    pairs = [(own[cell.task, cell.length], cell) for cell in cells if cell.baseline and (cell.task, cell.length) in own]
    differences = [difference(checkpoint.hits, baseline.hits) for checkpoint, baseline in pairs]
    adjusted = holm([each["p"] for each in differences])
    return tuple(
        Comparison(baseline.task, baseline.length, checkpoint.system, baseline.system, **each, p_holm=p_holm)
        for (checkpoint, baseline), each, p_holm in zip(pairs, differences, adjusted, strict=True)
    )
