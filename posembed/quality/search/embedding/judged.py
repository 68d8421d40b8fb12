"""Documents with queries, and how their scores are judged."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.ranking import cluster_means, clusters, pools, ranked_first
from posembed.quality.tasks.retrieval_set import RetrievalSet
from posembed.records.embedding_results import Scope

Vectors = NDArray[np.float32]
Values = NDArray[np.float64]
Texts = tuple[tuple[int, ...], ...]
Key = tuple[str, int]
"""Task and length."""
Outcomes = Mapping[Key, Values]
"""One number per query of each set."""
Judge = Callable[[Vectors, slice], Values]
"""Takes scores ``[queries, documents]`` and which queries they are of; returns a number per query."""


@dataclass(frozen=True, eq=False)
class JudgedSet:
    """One task at one length.

    Attributes:
        task: name of the task.
        scope: documents longer than the old table, or those that it has room for.
        length: tokens per document; of a user's own documents, the longest that is read.
        documents: token ids without special tokens.
        queries: likewise.
        parts: queries, and the documents that they are scored against.
        judge: how well the scores find what is wanted.
        clusters: what each query is about, by which several lengths are paired: the real document, or the query.
        decides: whether the choice depends on it; other sets are measured beside.
    """

    task: str
    scope: Scope
    length: int
    documents: Texts
    queries: Texts
    parts: tuple[tuple[slice, slice], ...]
    judge: Judge
    clusters: tuple[Hashable, ...]
    decides: bool = True

    @property
    def key(self) -> Key:
        """Task and length."""
        return self.task, self.length

    def outcomes(self, queries: Vectors, documents: Vectors) -> Values:
        """Return a number per query, for vectors of queries and documents."""
        judged = [self.judge(queries[some] @ documents[among].T, some) for some, among in self.parts]
        return np.concatenate(judged)


def judged_set(task: str, scope: Scope, length: int, retrieval: RetrievalSet, *, decides: bool = True) -> JudgedSet:
    """Return a retrieval set, judged by whether a query's own document ranks first in its pool."""
    parts = tuple((pool, pool) for pool in pools(retrieval))
    about = clusters(retrieval)
    return JudgedSet(task, scope, length, retrieval.documents, retrieval.queries, parts, _first, about, decides)


def _first(scores: Vectors, _: slice) -> Values:
    return ranked_first(scores).astype(np.float64)


def by_cluster(sets: Iterable[JudgedSet], outcomes: Outcomes) -> Values:
    """Return one number per document that is asked for at several lengths, or per query: its mean.

    Args:
        sets: of one task.
        outcomes: of these sets.
    """
    sets = tuple(sets)
    about = [each for one in sets for each in one.clusters]
    return cluster_means(np.concatenate([outcomes[each.key] for each in sets]), about)


def means(outcomes: Outcomes) -> dict[str, dict[int, float]]:
    """Return means by task and length.

    Example:
        >>> means({("title", 8): np.array([1.0, 0.0]), ("title", 16): np.array([1.0])})
        {'title': {8: 0.5, 16: 1.0}}
    """
    found: dict[str, dict[int, float]] = {}
    for (task, length), values in outcomes.items():
        found.setdefault(task, {})[length] = float(values.mean())
    return found
