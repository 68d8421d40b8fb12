"""Evaluate a reranker: rank the documents of a pool by its scores, whole, cut to the old length, and in chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.embeddings import shortage_of, tasks_of
from posembed.quality.evaluate.evaluator import Evaluator, require_same_vocabulary
from posembed.quality.evaluate.lexical import Bm25Index, missing_bm25, words
from posembed.quality.evaluate.ranking import Cell, Cost, clusters, comparisons, pools, ranked_first
from posembed.quality.evaluate.recommend import compare_pooled, contests, recommend
from posembed.quality.evaluate.systems import BM25, CHECKPOINT, TRUNCATED
from posembed.quality.evaluate.verdict import verdict
from posembed.quality.models.reranker import Reranker
from posembed.quality.tasks.excerpt import LONGEST_QUERY
from posembed.quality.tasks.retrieval_set import RetrievalSet, require_pools
from posembed.quality.tasks.sets import SetMaker, read_held_out
from posembed.records.evaluate import SHORTEST_DOCUMENT, EvaluateOptions, Task
from posembed.records.evaluation import EmbeddingResults, EvaluationSetup

Scores = NDArray[np.float32]
Ids = Sequence[Sequence[int]]
# A reranker reads every document again for every query: ten documents, which is what a first search leaves, and fifty
# queries take a small one some minutes at 1,024 tokens on two cores.
POOL, DOCUMENTS = 10, 50
# Lengths as multiples of the original's: unchanged, and the first two doublings.
MULTIPLES = (1, 2, 4)


class RerankerEvaluator(Evaluator[Reranker, EmbeddingResults]):
    """Retrieval within a pool, compared with documents that are cut, with the best chunk and with BM25."""

    def default_lengths(self, usable: int, original: int) -> tuple[int, ...]:
        """Return the original's length, and its doublings as far as the checkpoint goes."""
        return tuple(multiple * original for multiple in MULTIPLES if multiple * original <= usable)

    def check(self, options: EvaluateOptions) -> None:
        """Refuse an empty list of tasks, documents that make no whole pools, and own data."""
        if options.corpus is not None or options.queries is not None or options.qrels is not None:
            raise InvalidArgumentError(
                "`corpus`, `queries` and `qrels` need a sentence-embedding model; a reranker, which would read every "
                "document for every query, is evaluated on `data`"
            )
        if options.tasks is not None and not options.tasks:
            raise InvalidArgumentError("`tasks` is empty; leave it out, or name some")
        if options.documents is not None:
            require_pools(options.documents, options.pool or POOL)

    def setup(
        self, options: EvaluateOptions, checkpoint: Reranker, original: Reranker, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return the setup; a length counts the query too."""
        require_same_vocabulary(checkpoint, original)
        assert options.lengths is not None
        taken = LONGEST_QUERY + checkpoint.special
        least = SHORTEST_DOCUMENT + taken
        if min(*options.lengths, usable[1]) < least:
            raise InvalidArgumentError(
                f"lengths={list(options.lengths)} must be at least {least} each, and so must what the original takes "
                f"({usable[1]} tokens): a reranker reads query and document as one input, and they leave room for a "
                f"query of {LONGEST_QUERY} tokens"
            )
        pool = options.pool or POOL
        documents = options.documents or max(DOCUMENTS // pool, 1) * pool
        return self.common_setup(
            replace(options, documents=documents), usable, tasks=tasks_of(options), pool=pool,
            shortage=shortage_of(options), documents_from=options.documents_from or "test",
        )  # fmt: skip

    def measure(
        self,
        checkpoint: Reranker,
        original: Reranker,
        texts: Sequence[str],
        setup: EvaluationSetup,
        observer: Observer = SILENT,
    ) -> EmbeddingResults:
        """Score each query with the documents of its pool, by every system."""
        assert setup.tasks is not None
        tokens = [checkpoint.encode(text) for text in texts]
        missing = missing_bm25()
        if missing is not None:
            observer.message(missing)
        systems = _systems(checkpoint, original, setup, bm25=missing is None)
        taken = LONGEST_QUERY + checkpoint.special
        sets = SetMaker(setup, checkpoint.encode, read_held_out(setup, tokens), taken)
        cells: dict[Task, list[Cell]] = {task: [] for task in setup.tasks}
        for length in setup.lengths:
            for task in setup.tasks:
                observer.message(f"{task} at {length} tokens")
                retrieval = sets.make(task, length)
                if retrieval is not None:
                    cells[task] += _cells(task, length, retrieval, systems)
        measured = [cell for each in cells.values() for cell in each]
        notes = [f"a length counts the query too: a document has {taken} tokens less"]
        if checkpoint.prompt:
            notes.append(f"the model was given its prompt ({checkpoint.prompt!r} before queries)")
        found = contests(measured, setup.original_usable_length)
        pooled = compare_pooled(found)
        return EmbeddingResults(
            tuple(cell.summary() for cell in measured if cell.same_as is None),
            comparisons(measured),
            None,
            pooled,
            recommend(found, pooled),
            None,
            (*([missing] if missing else []), *notes, *sets.notes()),
        )

    def notes(self, results: EmbeddingResults) -> tuple[str, ...]:
        """Return what the texts could not give, and what a length is, a sentence each."""
        return results.shortages

    def verdict(self, results: EmbeddingResults, *, compared: bool = True) -> tuple[str, ...]:
        """Return which system to use for each task, and what the checkpoint gains."""
        return verdict(results, compared=compared)


@dataclass(frozen=True)
class _System:
    """A way to score the documents of a pool.

    Attributes:
        name: as results call it.
        scores: queries and documents in tokens to scores ``[queries, documents]``.
        longest: longest input, query included; longer documents are not measured.
        uncut: input up to which it does what ``same`` does.
        same: name of a simpler system.
        reads: tokens of an input of this many that the Transformer reads.
    """

    name: str
    scores: Callable[[Ids, Ids], Scores]
    longest: float = np.inf
    uncut: int = 0
    same: str | None = None
    reads: Callable[[int], float] = float


def _systems(checkpoint: Reranker, original: Reranker, setup: EvaluationSetup, *, bm25: bool) -> tuple[_System, ...]:
    usable, old = setup.usable_length, setup.original_usable_length
    alone = checkpoint is original
    taken = LONGEST_QUERY + original.special
    found = [_System(CHECKPOINT, lambda queries, documents: whole(checkpoint, queries, documents), longest=usable)]
    limits = [old, *([original.stored_limit] if original.stored_limit and taken < original.stored_limit < old else [])]
    for limit in limits:
        name = TRUNCATED if limit == old else f"{TRUNCATED} {limit}"
        simpler = (CHECKPOINT if alone else None) if limit == old else TRUNCATED
        found.append(
            _System(
                name,
                lambda queries, documents, limit=limit: whole(original, queries, documents, limit),  # type: ignore[misc]
                uncut=limit if simpler else 0,
                same=CHECKPOINT if alone else simpler,
                reads=lambda length, limit=limit: float(min(length, limit)),  # type: ignore[misc]
            )
        )
    body = old - taken
    found.append(
        _System(
            f"best chunk {old}",
            lambda queries, documents: best_chunk(original, queries, documents, body),
            uncut=old,
            same=CHECKPOINT if alone else TRUNCATED,
            reads=lambda length: length + taken * (-(-(length - taken) // body) - 1),
        )
    )
    if bm25:
        found.append(_System(BM25, lambda queries, documents: _count_words(original, queries, documents), reads=_none))
    return tuple(found)


def _none(_length: int) -> float:
    return 0.0


def whole(model: Reranker, queries: Ids, documents: Ids, limit: int | None = None) -> Scores:
    """Return the scores of all pairs, ``[queries, documents]``; documents are cut so that pairs fit into ``limit``."""
    pairs = [
        (query, document if limit is None else document[: limit - model.special - len(query)])
        for query in queries
        for document in documents
    ]
    return model.scores(pairs).reshape(len(queries), len(documents))


def best_chunk(model: Reranker, queries: Ids, documents: Ids, body: int) -> Scores:
    """Return the score of each document's best chunk of ``body`` tokens, ``[queries, documents]``."""
    chunks = [[document[at : at + body] for at in range(0, max(len(document), 1), body)] for document in documents]
    flat = [chunk for parts in chunks for chunk in parts]
    starts = np.cumsum([0, *(len(parts) for parts in chunks[:-1])])
    return np.asarray(np.maximum.reduceat(whole(model, queries, flat), starts, axis=1), dtype=np.float32)


def _count_words(model: Reranker, queries: Ids, documents: Ids) -> Scores:
    decoded = [[words(model.decode(text)) for text in texts] for texts in (documents, queries)]
    return Bm25Index(decoded[0]).scores(decoded[1])


def _cells(task: Task, length: int, retrieval: RetrievalSet, systems: Sequence[_System]) -> list[Cell]:
    """Return the outcome of every system that can read the documents; see :func:`ranking.measure_cells`."""
    depths = np.asarray(retrieval.depths, dtype=np.int64)
    cells: dict[str, Cell] = {}
    for system in systems:
        if length > system.longest:
            continue
        same = system.same if length <= system.uncut and system.same in cells else None
        if same is None:
            outcomes, cost = _run(system, length, retrieval)
        else:
            outcomes, cost = cells[same].hits, cells[same].cost
        baseline = system.name != CHECKPOINT
        cells[system.name] = Cell(
            task, length, system.name, baseline, outcomes, depths, cost, clusters(retrieval), same
        )  # fmt: skip
    return list(cells.values())


def _run(system: _System, length: int, retrieval: RetrievalSet) -> tuple[NDArray[np.int64], Cost]:
    begun = time.perf_counter()
    hits = [
        ranked_first(system.scores(retrieval.queries[pool], retrieval.documents[pool])) for pool in pools(retrieval)
    ]
    milliseconds = 1000 * (time.perf_counter() - begun) / len(retrieval.queries)
    return np.concatenate(hits), Cost(None, system.reads(length), milliseconds)
