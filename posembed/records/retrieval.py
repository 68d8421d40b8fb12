"""Results on a user's own documents, queries and judgments."""

from __future__ import annotations

from dataclasses import dataclass, field

from posembed.records.base import Record
from posembed.records.interval import DocumentInterval


@dataclass(frozen=True)
class LengthRange(Record):
    """Queries whose relevant document has a length; of several relevant ones the longest counts.

    Attributes:
        above: tokens, special ones included, that the document has more than.
        most: tokens that it has at most; ``None`` without a bound.
        queries: number of queries.
    """

    above: int
    most: int | None
    queries: int


@dataclass(frozen=True)
class DataCell(Record):
    """One system on the queries of one range of lengths.

    Attributes:
        lengths: the range; ``None`` for all queries.
        system: ``"checkpoint"``, or a baseline.
        queries: number of queries.
        ndcg_at_10: normalized discounted cumulative gain of the first ten documents.
        recall_at_10: fraction of the relevant documents among the first ten.
        recall_at_100: likewise among the first hundred.
        mrr_at_10: reciprocal rank of the first relevant document, 0 if it is not among the first ten.
        vectors_per_document: vectors that an index stores per document; ``None`` where it stores none (BM25).
        query_ms: milliseconds per query, as measured; not compared.
    """

    lengths: LengthRange | None
    system: str
    queries: int
    ndcg_at_10: DocumentInterval
    recall_at_10: DocumentInterval
    recall_at_100: DocumentInterval
    mrr_at_10: DocumentInterval
    vectors_per_document: float | None = None
    query_ms: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class DataComparison(Record):
    """The checkpoint compared with one baseline in nDCG@10, paired by query.

    Attributes:
        lengths: the range of lengths; ``None`` for all queries.
        first: ``"checkpoint"``.
        second: the baseline.
        mean: mean difference, first − second.
        low: lower bound of its interval.
        high: upper bound of its interval.
        p: p-value of the paired test.
        p_holm: the p-value after Holm's correction over all of these comparisons.
    """

    lengths: LengthRange | None
    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class OwnRetrieval(Record):
    """What was measured on a user's own data.

    Attributes:
        documents: number of documents, all of which are ranked for each query.
        queries: number of queries with a relevant document.
        unjudged: number of queries without one, which are left out.
        longest: tokens of the longest document, special ones included.
        cut: number of documents that are longer than the checkpoint takes, of which it reads the beginning.
        cut_queries: number of queries that are longer than one of the models takes; all systems get their beginning.
        cells: by range of lengths and system.
        comparisons: the checkpoint compared with each baseline.
    """

    documents: int
    queries: int
    unjudged: int
    longest: int
    cut: int
    cut_queries: int
    cells: tuple[DataCell, ...]
    comparisons: tuple[DataComparison, ...]
