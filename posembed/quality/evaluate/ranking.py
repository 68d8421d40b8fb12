"""Rank documents by every system, and compare the hits of the checkpoint with those of each baseline."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.passes import Passes, Vectors
from posembed.quality.evaluate.scoring import score_parts
from posembed.quality.evaluate.systems import Scores, System
from posembed.quality.tasks.retrieval_set import DEPTHS, RetrievalSet
from posembed.records.evaluation import Comparison, DocumentInterval, RetrievalCell
from posembed.statistics import bootstrap_interval, difference, holm


@dataclass(frozen=True)
class Cost:
    """What a search by a system costs.

    Attributes:
        vectors: vectors per document in an index, ``None`` where there are none.
        tokens: tokens that a Transformer reads per document.
        query_ms: milliseconds per query, embedding and ranking, as measured; no number depends on it.
    """

    vectors: float | None = None
    tokens: float = 0.0
    query_ms: float | None = None


NO_COST = Cost()


@dataclass(frozen=True)
class Cell:
    """The outcome of every document: one task at one length by one system.

    Attributes:
        task: the task.
        length: tokens per document.
        system: name of the system.
        baseline: whether that is a baseline.
        hits: 1 where a query's own document ranked first, else 0; ``[queries]``.
        depths: stratum of each query's evidence, ``[queries]``.
        cost: what the system costs.
        clusters: what each outcome is about, by which cells of several lengths are paired, ``[queries]``: the real
            document, or the query where documents are made; without them the number.
        same_as: name of a simpler system that does the same with these documents: it is the one that is reported.
    """

    task: str
    length: int
    system: str
    baseline: bool
    hits: NDArray[np.int64]
    depths: NDArray[np.int64]
    cost: Cost = NO_COST
    clusters: tuple[Hashable, ...] = ()
    same_as: str | None = None

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
            vectors_per_document=self.cost.vectors,
            tokens_per_document=self.cost.tokens,
            query_ms=self.cost.query_ms,
        )


def hits(retrieval: RetrievalSet, documents: Vectors, queries: Vectors) -> NDArray[np.int64]:
    """Return 1 for each query whose own document ranks first in its pool, else 0; a tie is a miss.

    Args:
        retrieval: the set that was embedded.
        documents: vectors, ``[documents, d]``.
        queries: vectors, ``[documents, d]``.
    """
    outcomes = [ranked_first(queries[pool] @ documents[pool].T) for pool in pools(retrieval)]
    return np.concatenate(outcomes)


def clusters(retrieval: RetrievalSet) -> tuple[Hashable, ...]:
    """Return what each query is about: a real document may be asked for by another query at another length."""
    return retrieval.sources or retrieval.queries


def cluster_means(values: NDArray[Any], about: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return the mean outcome of each document that is asked for several times, or of each query, ``[clusters]``.

    Its outcomes are alike, whatever the queries are: counted as several, they would make intervals too narrow.

    Args:
        values: outcomes.
        about: what each is about, see :func:`clusters`.

    Example:
        >>> cluster_means(np.array([1, 0, 1]), ["a", "b", "b"]).tolist()
        [1.0, 0.5]
    """
    numbers: dict[Hashable, int] = {}
    place = [numbers.setdefault(each, len(numbers)) for each in about]
    return np.asarray(np.bincount(place, weights=values) / np.bincount(place), dtype=np.float64)


def pools(retrieval: RetrievalSet) -> list[slice]:
    """Return the documents of each pool, the last of which may be smaller."""
    count = len(retrieval.documents)
    return [slice(begin, min(begin + retrieval.pool, count)) for begin in range(0, count, retrieval.pool)]


def ranked_first(scores: Scores) -> NDArray[np.int64]:
    """Return 1 for each query whose own document scores higher than all others, else 0.

    Args:
        scores: ``[queries, documents]``; query ``i`` belongs to document ``i``.

    Example:
        >>> ranked_first(np.array([[2.0, 1.0], [3.0, 3.0]], dtype=np.float32)).tolist()
        [1, 0]
    """
    others = scores.copy()
    np.fill_diagonal(others, -np.inf)
    return np.asarray(np.diagonal(scores) > others.max(axis=1), dtype=np.int64)


def measure_cells(task: str, length: int, retrieval: RetrievalSet, passes: Passes, by: Iterable[System]) -> list[Cell]:
    """Return the outcome of every system that can read the documents.

    A system that does the same as a simpler one has its outcome; without an original, one that does the same as the
    checkpoint is no baseline and is left out.

    Args:
        task: name of the task.
        length: tokens per document.
        retrieval: documents and queries.
        passes: over the same.
        by: the systems; a simpler one comes before those that may do the same.
    """
    depths = np.asarray(retrieval.depths, dtype=np.int64)
    cells: dict[str, Cell] = {}
    for system in by:
        if not system.measures(passes):
            continue
        same = system.same_as(passes)
        if same is None:
            outcomes, cost = _run(system, retrieval, passes)
        else:
            outcomes, cost = cells[same].hits, cells[same].cost
        cells[system.name] = Cell(
            task, length, system.name, system.baseline, outcomes, depths, cost, clusters(retrieval), same
        )
    return list(cells.values())


def _run(system: System, retrieval: RetrievalSet, passes: Passes) -> tuple[NDArray[np.int64], Cost]:
    parts = [(pool, pool) for pool in pools(retrieval)]
    outcomes, query_ms = score_parts(system, passes, parts, lambda scores, _: ranked_first(scores))
    cost = Cost(system.vectors_per_document(passes), system.tokens_per_document(passes), query_ms)
    return np.concatenate(outcomes), cost


def comparisons(cells: Iterable[Cell]) -> tuple[Comparison, ...]:
    """Compare the checkpoint with each baseline in each cell; p-values are corrected over all of them."""
    cells = [cell for cell in cells if cell.same_as is None]
    own = {(cell.task, cell.length): cell for cell in cells if not cell.baseline}
    pairs = [(own[cell.task, cell.length], cell) for cell in cells if cell.baseline and (cell.task, cell.length) in own]
    differences = [difference(checkpoint.hits, baseline.hits) for checkpoint, baseline in pairs]
    adjusted = holm([each["p"] for each in differences])
    return tuple(
        Comparison(baseline.task, baseline.length, checkpoint.system, baseline.system, **each, p_holm=p_holm)
        for (checkpoint, baseline), each, p_holm in zip(pairs, differences, adjusted, strict=True)
    )
