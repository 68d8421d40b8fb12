"""Evaluate a model by the scores that it gives the documents of a pool: whole, cut to the old length, and in chunks."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

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
from posembed.quality.models.model_kind import LoadedModel
from posembed.quality.tasks.retrieval_set import RetrievalSet, require_pools
from posembed.quality.tasks.sets import SetMaker, read_held_out
from posembed.records.evaluate import SHORTEST_DOCUMENT, EvaluateOptions, Task
from posembed.records.evaluation import EmbeddingResults, EvaluationSetup

Scores = NDArray[np.float32]
Ids = Sequence[Sequence[int]]
# Lengths as multiples of the original's: unchanged, and the first two doublings.
MULTIPLES = (1, 2, 4)


class Scored(LoadedModel, Protocol):
    """A model that scores documents for queries."""

    stored_limit: int | None

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""


Loaded = TypeVar("Loaded", bound=Scored)


class PoolEvaluator(Evaluator[Loaded, EmbeddingResults]):
    """Retrieval within a pool, compared with documents that are cut, with the best chunk and with BM25.

    Attributes:
        described: what is evaluated, as a message about options calls it.
        pool: documents that each query is ranked against, by default.
        documents: documents of each task and length, by default.
    """

    described: ClassVar[str]
    pool: ClassVar[int]
    documents: ClassVar[int]

    @abstractmethod
    def scores(self, model: Loaded, queries: Ids, documents: Ids, limit: int | None = None) -> Scores:
        """Return the score of each document for each query, ``[queries, documents]``.

        Args:
            model: that reads them.
            queries: token ids without special tokens.
            documents: likewise.
            limit: longest input; documents are cut so that each fits.
        """

    @abstractmethod
    def taken(self, model: Loaded) -> int:
        """Return the tokens of an input that are not the document's, at most."""

    @abstractmethod
    def reading(self, checkpoint: Loaded, usable: int) -> Sequence[str]:
        """Return what to know about how documents and queries were read, a sentence each."""

    def too_short(self, least: int) -> str:
        """Return why a length below ``least`` is refused, as the end of a sentence."""
        return f"documents have at least {SHORTEST_DOCUMENT} tokens beside the {least - SHORTEST_DOCUMENT} around them"

    def default_lengths(self, usable: int, original: int) -> tuple[int, ...]:
        """Return the original's length, and its doublings as far as the checkpoint goes."""
        return tuple(multiple * original for multiple in MULTIPLES if multiple * original <= usable)

    def check(self, options: EvaluateOptions) -> None:
        """Refuse an empty list of tasks, documents that make no whole pools, and own data."""
        if options.corpus is not None or options.queries is not None or options.qrels is not None:
            raise InvalidArgumentError(
                f"`corpus`, `queries` and `qrels` need a sentence-embedding model; {self.described}, is evaluated on "
                "`data`"
            )
        if options.tasks is not None and not options.tasks:
            raise InvalidArgumentError("`tasks` is empty; leave it out, or name some")
        if options.documents is not None:
            require_pools(options.documents, options.pool or self.pool)

    def setup(
        self, options: EvaluateOptions, checkpoint: Loaded, original: Loaded, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return the setup; lengths leave room for what stands around a document."""
        require_same_vocabulary(checkpoint, original)
        assert options.lengths is not None
        least = SHORTEST_DOCUMENT + self.taken(checkpoint)
        if min(*options.lengths, usable[1]) < least:
            raise InvalidArgumentError(
                f"lengths={list(options.lengths)} must be at least {least} each, and so must what the original takes "
                f"({usable[1]} tokens): {self.too_short(least)}"
            )
        pool = options.pool or self.pool
        documents = options.documents or max(self.documents // pool, 1) * pool
        return self.common_setup(
            replace(options, documents=documents), usable, tasks=tasks_of(options), pool=pool,
            shortage=shortage_of(options), documents_from=options.documents_from or "test",
        )  # fmt: skip

    def measure(
        self,
        checkpoint: Loaded,
        original: Loaded,
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
        systems = self._systems(checkpoint, original, setup, bm25=missing is None)
        sets = SetMaker(setup, checkpoint.encode, read_held_out(setup, tokens), self.taken(checkpoint))
        cells: dict[Task, list[Cell]] = {task: [] for task in setup.tasks}
        for length in setup.lengths:
            for task in setup.tasks:
                observer.message(f"{task} at {length} tokens")
                retrieval = sets.make(task, length)
                if retrieval is not None:
                    cells[task] += _cells(task, length, retrieval, systems)
        measured = [cell for each in cells.values() for cell in each]
        found = contests(measured, setup.original_usable_length)
        pooled = compare_pooled(found)
        return EmbeddingResults(
            tuple(cell.summary() for cell in measured if cell.same_as is None),
            comparisons(measured),
            None,
            pooled,
            recommend(found, pooled),
            None,
            (
                *([missing] if missing else []),
                *self.reading(checkpoint, setup.usable_length),
                *sets.notes(),
            ),
        )

    def notes(self, results: EmbeddingResults) -> tuple[str, ...]:
        """Return what the texts could not give, and what a length is, a sentence each."""
        return results.shortages

    def verdict(self, results: EmbeddingResults, *, compared: bool = True) -> tuple[str, ...]:
        """Return which system to use for each task, and what the checkpoint gains."""
        return verdict(results, compared=compared)

    def _systems(
        self, checkpoint: Loaded, original: Loaded, setup: EvaluationSetup, *, bm25: bool
    ) -> tuple[_System, ...]:
        usable, old = setup.usable_length, setup.original_usable_length
        alone = checkpoint is original
        taken = self.taken(original)
        found = [_System(CHECKPOINT, partial(self.scores, checkpoint), longest=usable)]
        stored = original.stored_limit
        limits = [old, *([stored] if stored and taken < stored < old else [])]
        for limit in limits:
            name = TRUNCATED if limit == old else f"{TRUNCATED} {limit}"
            simpler = (CHECKPOINT if alone else None) if limit == old else TRUNCATED
            found.append(
                _System(
                    name,
                    partial(self.scores, original, limit=limit),
                    uncut=limit if simpler else 0,
                    same=CHECKPOINT if alone else simpler,
                    reads=lambda length, limit=limit: float(min(length, limit)),  # type: ignore[misc]
                )
            )
        body = old - taken
        found.append(
            _System(
                f"best chunk {old}",
                lambda queries, documents: best_chunk(partial(self.scores, original), queries, documents, body),
                uncut=old,
                same=CHECKPOINT if alone else TRUNCATED,
                reads=lambda length: length + taken * (-(-(length - taken) // body) - 1),
            )
        )
        if bm25:
            found.append(_System(BM25, partial(_count_words, original), reads=_none))
        return tuple(found)


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


def _none(_length: int) -> float:
    return 0.0


def best_chunk(scores: Callable[[Ids, Ids], Scores], queries: Ids, documents: Ids, body: int) -> Scores:
    """Return the score of each document's best chunk of ``body`` tokens, ``[queries, documents]``."""
    chunks = [[document[at : at + body] for at in range(0, max(len(document), 1), body)] for document in documents]
    flat = [chunk for parts in chunks for chunk in parts]
    starts = np.cumsum([0, *(len(parts) for parts in chunks[:-1])])
    return np.asarray(np.maximum.reduceat(scores(queries, flat), starts, axis=1), dtype=np.float32)


def _count_words(model: Any, queries: Ids, documents: Ids) -> Scores:
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
