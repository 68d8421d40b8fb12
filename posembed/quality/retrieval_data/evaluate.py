"""Measure every system on a user's own documents, queries and judgments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.passes import Models, Passes
from posembed.quality.evaluate.scoring import score_parts
from posembed.quality.evaluate.systems import System
from posembed.quality.retrieval_data.measures import DEEP_RECALL, MRR, NDCG, RECALL, Values, measure
from posembed.quality.retrieval_data.read import RetrievalData
from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import DataCell, DataComparison, LengthRange, OwnRetrieval
from posembed.statistics import bootstrap_interval, difference, holm

# Longest document of each range in tokens, special ones included: powers of two up to eight times what most embedding
# models take.
BOUNDS = (128, 256, 512, 1024, 2048, 4096)
# Queries of a range below this have an interval as wide as the measure itself: they count among all queries alone.
LEAST_QUERIES = 5
# Queries that are scored at once: the scores of a hundred thousand documents then take some 100 MB.
BATCH = 256


@dataclass(frozen=True)
class _Outcome:
    """What one system measured: each measure of each query, and what it costs."""

    system: System
    values: Mapping[str, Values]
    vectors: float | None
    query_ms: float


def measure_own(data: RetrievalData, models: Models, by: Iterable[System], observer: Observer = SILENT) -> OwnRetrieval:
    """Rank all documents for each query by every system.

    A document that is longer than the checkpoint takes is read from its beginning by the checkpoint; the baselines read
    what they always do. Their number stands in the result.

    Args:
        data: documents, queries and judgments.
        models: the checkpoint and its original.
        by: the systems; one that does the same as a simpler one is left out.
        observer: receives a message for each system.
    """
    checkpoint = models.checkpoint
    numbers = {name: number for number, name in enumerate(data.documents)}
    documents = [checkpoint.encode(text) for text in data.documents.values()]
    queries = [checkpoint.encode(text) for text in data.queries.values()]
    most = min(models.usable, models.original_usable) - checkpoint.query_special
    long_queries = sum(len(query) > most for query in queries)
    queries = [query[:most] for query in queries]
    relevant = [{numbers[name]: score for name, score in data.relevant[query].items()} for query in data.queries]
    whole = Passes(documents, queries, models)
    room = models.usable - checkpoint.special
    long = sum(len(document) > room for document in documents)
    own = Passes([document[:room] for document in documents], queries, models) if long else whole
    outcomes = []
    for system in by:
        passes = own if system.by_checkpoint else whole
        if not system.measures(passes) or system.same_as(passes) is not None:
            continue
        observer.message(f"your documents: {system.name}")
        outcomes.append(_run(system, passes, relevant))
    lengths = np.array([len(document) + checkpoint.special for document in documents])
    ranges = _ranges(lengths, relevant)
    return OwnRetrieval(
        documents=len(documents),
        queries=len(queries),
        unjudged=data.unjudged,
        longest=int(lengths.max()),
        cut=long,
        cut_queries=long_queries,
        cells=tuple(_cell(outcome, each, which) for each, which in ranges for outcome in outcomes),
        comparisons=_comparisons(outcomes, ranges),
    )


def _run(system: System, passes: Passes, relevant: Sequence[Mapping[int, int]]) -> _Outcome:
    count, everything = len(passes.queries), slice(0, len(passes.documents))
    parts = [(slice(begin, min(begin + BATCH, count)), everything) for begin in range(0, count, BATCH)]
    measured, query_ms = score_parts(system, passes, parts, lambda scores, some: measure(scores, relevant[some]))
    values = {name: np.concatenate([part[name] for part in measured]) for name in measured[0]}
    return _Outcome(system, values, system.vectors_per_document(passes), query_ms)


Ranges = list[tuple[LengthRange | None, NDArray[np.int64]]]


def _ranges(lengths: NDArray[np.int64], relevant: Sequence[Mapping[int, int]]) -> Ranges:
    """Return all queries, and those of each range of lengths that has enough of them, by number."""
    longest = np.array([max(lengths[number] for number, score in each.items() if score > 0) for each in relevant])
    ranges: Ranges = [(None, np.arange(len(relevant)))]
    for above, most in zip((0, *BOUNDS), (*BOUNDS, None), strict=True):
        which = np.flatnonzero((longest > above) & (longest <= (np.inf if most is None else most)))
        if len(which) >= LEAST_QUERIES:
            ranges.append((LengthRange(above, most, len(which)), which))
    return ranges


def _cell(outcome: _Outcome, lengths: LengthRange | None, which: NDArray[np.int64]) -> DataCell:
    intervals = {
        name: DocumentInterval(**bootstrap_interval(outcome.values[name][which]))
        for name in (NDCG, RECALL, DEEP_RECALL, MRR)
    }
    return DataCell(
        lengths=lengths,
        system=outcome.system.name,
        queries=len(which),
        vectors_per_document=outcome.vectors,
        query_ms=outcome.query_ms,
        **intervals,
    )


def _comparisons(outcomes: Sequence[_Outcome], ranges: Ranges) -> tuple[DataComparison, ...]:
    """Compare the checkpoint with each baseline in nDCG@10; p-values are corrected over all of them."""
    checkpoint = next((each for each in outcomes if not each.system.baseline), None)
    if checkpoint is None:
        return ()
    pairs = [(lengths, which, each) for lengths, which in ranges for each in outcomes if each.system.baseline]
    found = [difference(checkpoint.values[NDCG][which], each.values[NDCG][which]) for _, which, each in pairs]
    adjusted = holm([each["p"] for each in found])
    return tuple(
        DataComparison(lengths, checkpoint.system.name, each.system.name, **values, p_holm=p_holm)
        for (lengths, _, each), values, p_holm in zip(pairs, found, adjusted, strict=True)
    )
