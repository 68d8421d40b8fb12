"""What is measured of a sentence-embedding model; docs/formats/evaluate.md describes its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from posembed.records.base import Record
from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import OwnRetrieval

Scope = Literal["longer", "native"]
Budget = Literal["any", "one vector", "several vectors"]


@dataclass(frozen=True)
class RetrievalCell(Record):
    """One retrieval task at one length by one system.

    Attributes:
        task: the task.
        length: tokens per document.
        system: ``"checkpoint"``, or a baseline.
        documents: number of documents, with one query each.
        accuracy: fraction of queries whose own document ranked first.
        by_depth: the same by where the evidence lies, in fifths of the document; ``None`` where no document has it.
        vectors_per_document: vectors that an index stores per document; ``None`` where it stores none (BM25).
        tokens_per_document: tokens that a Transformer reads per document, special ones included.
        query_ms: milliseconds per query, embedding in batches and ranking, as measured; not compared.
    """

    task: str
    length: int
    system: str
    documents: int
    accuracy: DocumentInterval
    by_depth: tuple[float | None, ...]
    vectors_per_document: float | None = None
    tokens_per_document: float | None = None
    query_ms: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Comparison(Record):
    """The checkpoint compared with one baseline, in one task at one length.

    Attributes:
        task: the task.
        length: tokens per document.
        first: ``"checkpoint"``.
        second: the baseline.
        mean: mean of the paired difference in hits, first − second.
        low: lower bound of its interval.
        high: upper bound of its interval.
        p: McNemar's exact p-value.
        p_holm: the p-value after Holm's correction over all comparisons.
    """

    task: str
    length: int
    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class PooledComparison(Record):
    """Two systems compared over all lengths of a scope, in one task; paired by query.

    Attributes:
        task: the task.
        scope: ``"longer"``: documents longer than the original takes; ``"native"``: those that it takes.
        lengths: the lengths that were pooled.
        first: name of a system.
        second: name of another.
        mean: mean of the difference in the fraction ranked first, first − second.
        low: lower bound of its interval, which is corrected for the number of these comparisons (Bonferroni).
        high: upper bound of its interval.
        p: p-value of the paired test.
        p_holm: the p-value after Holm's correction over these comparisons.
    """

    task: str
    scope: Scope
    lengths: tuple[int, ...]
    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Recommendation(Record):
    """The system to use for one task: the cheapest of those that are not significantly worse than the best.

    Attributes:
        task: the task.
        scope: as in a pooled comparison.
        lengths: the lengths that were pooled.
        budget: ``"any"``, ``"one vector"`` or ``"several vectors"`` per document.
        system: name of the system to use.
        accuracy: its fraction of queries whose document ranked first.
        vectors_per_document: what it stores; ``None`` where there are no vectors.
        best: the system with the highest fraction.
        ties: other systems that are not significantly worse than the best.
    """

    task: str
    scope: Scope
    lengths: tuple[int, ...]
    budget: Budget
    system: str
    accuracy: DocumentInterval
    vectors_per_document: float | None
    best: str
    ties: tuple[str, ...]


@dataclass(frozen=True)
class CosineSummary(DocumentInterval):
    """Cosines of the vectors of the same texts: their mean with its interval, and the smallest.

    Attributes:
        least: the smallest cosine.
    """

    least: float


@dataclass(frozen=True)
class Fidelity(Record):
    """Change in short inputs: the checkpoint's vectors compared with the original's.

    Attributes:
        texts: number of texts.
        cosine: cosine of each text's two vectors.
        rank_correlation: Spearman's correlation of the similarities of all pairs of texts; ``None`` without spread.
        equal: number of vectors that are equal bit for bit.
        longest: longest text, in tokens without special ones.
    """

    texts: int
    cosine: CosineSummary
    rank_correlation: float | None
    equal: int
    longest: int


@dataclass(frozen=True)
class EmbeddingResults(Record):
    """What is measured of a sentence-embedding model.

    Attributes:
        cells: accuracy by task, length and system.
        comparisons: the checkpoint compared with each baseline.
        fidelity: change in short inputs; ``None`` without an original.
        pooled: pairs of systems compared over all lengths of a scope: what the recommendations rest on.
        recommendations: the system to use, by task, scope and budget.
        own: what was measured on a user's own data; ``None`` where none were given.
        shortages: what could not be measured, a sentence each; they stand among the notes of the whole.
    """

    cells: tuple[RetrievalCell, ...]
    comparisons: tuple[Comparison, ...]
    fidelity: Fidelity | None
    pooled: tuple[PooledComparison, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    own: OwnRetrieval | None = field(default=None, metadata={"omit_none": True})
    shortages: tuple[str, ...] = field(default=(), compare=False, metadata={"json": None})
