"""What a calibrated table is worth: titles and sections of held-out texts, beside what needs no longer table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posembed.observer import Observer
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.table_reader import TableReader
from posembed.quality.calibrate.target import TASKS, real_set, tokens_read
from posembed.quality.evaluate.lexical import Bm25Index, missing_bm25, words
from posembed.quality.evaluate.ranking import cluster_means, clusters, hits, pools, ranked_first
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import RetrievalSet
from posembed.quality.texts import load_documents
from posembed.records.calibration import CalibrationStart, ComparedWith, HeldOutTask
from posembed.records.evaluate import Task
from posembed.records.interval import DocumentInterval
from posembed.statistics import corrected_interval

Vectors = NDArray[np.float32]
Hits = NDArray[np.int64]
# Tokens of the documents: about one and four times what most sentence models were trained on, beyond the old table.
LENGTHS = (1024, 2048)
# Of one length: a minute of work on 2 cores for a small model.
MOST_DOCUMENTS = 100
BM25 = "BM25"


class HeldOutTasks:
    """Documents of the validation texts, which training does not read, and what is asked about them.

    Args:
        embedder: of a frozen model.
        old: a table, ``[rows, d_model]``, whose leading rows are the source's.
        request: of the calibration.
        start: where it started: chunks are those of its target.
    """

    def __init__(self, embedder: Embedder, old: Tensor, request: Request, start: CalibrationStart) -> None:
        self.embedder, self.old, self.request = embedder, old, request
        self.reader = TableReader(embedder, 1)
        self.chunk = tokens_read(start.target.chunk, embedder, request.old) if start.target else request.old
        self.limits = sorted({min(request.old, embedder.stored_limit or request.old), request.old})
        self.missing_bm25 = missing_bm25()
        self._known: dict[tuple[str, tuple[int, ...]], Vectors] = {}

    def measure(self, table: Tensor, observer: Observer, *, queries_trained: bool) -> tuple[HeldOutTask, ...]:
        """Return the share that each system ranks first, task by task; none where the texts have too few documents.

        Args:
            table: the calibrated one, ``[rows, d_model]``.
            observer: receives a message.
            queries_trained: whether queries read it too.
        """
        made = self._sets()
        if not made:
            return ()
        observer.message("comparing on titles and sections of held-out texts")
        count = sum(len(self._systems(None)) for _ in made)
        return tuple(
            self._task(task, sets, table, comparisons=count, queries_trained=queries_trained)
            for task, sets in made.items()
        )

    def _sets(self) -> dict[Task, dict[int, RetrievalSet]]:
        """Return the sets that the texts allow, by task and length."""
        longest, old = self.request.length, self.request.old
        lengths = sorted({min(length, longest) for length in LENGTHS if length > old}) or [longest]
        held_out = HeldOut([], load_documents(self.request.options.data, "validation"))
        seed = self.request.options.seed
        found: dict[Task, dict[int, RetrievalSet]] = {}
        for task in TASKS:
            for length in lengths:
                made = real_set(task, held_out, length, self.embedder, MOST_DOCUMENTS, seed)
                if made is not None:
                    found.setdefault(task, {})[length] = made
        return found

    def _systems(self, table: Tensor | None) -> Mapping[str, tuple[Tensor, int, int]]:
        """Return by name the table that is read, the tokens at which texts are cut, and those of a chunk (0: whole)."""
        systems = {f"cut to {limit} tokens": (self.old, limit, 0) for limit in self.limits}
        systems[f"mean of {self.chunk}-token chunks"] = (self.old, 0, self.chunk)
        return systems if table is None else {"": (table, 0, 0), **systems}

    def _task(
        self, task: Task, sets: Mapping[int, RetrievalSet], table: Tensor, *, comparisons: int, queries_trained: bool
    ) -> HeldOutTask:
        asked = [each for made in sets.values() for each in clusters(made)]
        found: dict[str, list[Hits]] = {}
        for made in sets.values():
            queries = (
                self.reader.embed(table if queries_trained else self.old, made.queries, queries=True).cpu().numpy()
            )
            for name, how in self._systems(table).items():
                documents = self._vectors(name, made.documents, *how)
                found.setdefault(name, []).append(hits(made, documents, queries))
            if self.missing_bm25 is None:
                found.setdefault(BM25, []).append(self._by_words(made))
        outcomes = {name: cluster_means(np.concatenate(each), asked) for name, each in found.items()}
        own = outcomes.pop("")
        return HeldOutTask(
            task=task,
            lengths=tuple(sets),
            documents=len(own),
            accuracy=float(own.mean()),
            others=tuple(
                ComparedWith(
                    name,
                    float(other.mean()),
                    DocumentInterval(**corrected_interval(own - other, comparisons)),
                    one_vector=name != BM25,
                )
                for name, other in outcomes.items()
            ),
        )

    def _vectors(self, name: str, texts: Sequence[tuple[int, ...]], table: Tensor, limit: int, chunk: int) -> Vectors:
        """Return the vectors of documents by one system, ``[texts, d]``; the tasks ask about the same documents."""
        new = [text for text in dict.fromkeys(texts) if (name, text) not in self._known]
        if new:
            embedder = self.embedder
            with self.reader.model.reading(table):
                if chunk:
                    made = embedder.embed_chunked(new, chunk)
                else:
                    made = embedder.embed_truncated(new, limit) if limit else embedder.embed(new)
            self._known |= {(name, text): vector for text, vector in zip(new, made, strict=True)}
        return np.stack([self._known[name, text] for text in texts])

    def _by_words(self, made: RetrievalSet) -> Hits:
        decode, found = self.embedder.decode, []
        for pool in pools(made):
            index = Bm25Index([words(decode(text)) for text in made.documents[pool]])
            found.append(ranked_first(index.scores([words(decode(text)) for text in made.queries[pool]])))
        return np.concatenate(found)
