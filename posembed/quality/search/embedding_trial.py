"""Score candidates for an embedding model by passkey retrieval, against documents truncated to the old length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.ranking import hits
from posembed.quality.models.embedder import Embedder
from posembed.quality.search.candidates import Candidate, Outcomes
from posembed.quality.search.longer_table import LongerTable
from posembed.quality.search.measure import ACCURACY
from posembed.quality.search.trial import Trial, TrialRequest
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_set
from posembed.records.evaluate import Task
from posembed.records.search import SearchOptions

# Passkeys need no text, and evidence is found by the words of its query alone: what is lost at later positions shows.
TASK: Task = "passkey"
# A quarter and a half of the old length are measured too if they are at least this long: a table may already be bad
# where it was hardly trained, and length-aware tables can begin there. Shorter documents have no room for fillers.
SHORTEST = 128
SHORTER_SHARES = (4, 2)
# Four pools of 50, so that each of the four fillers of the validation set is met: an interval of about ± 0.06.
DOCUMENTS = 200


class EmbeddingTrial(Trial):
    """Fraction of passkey queries whose document ranks first.

    Args:
        embedder: the loaded model.
        table: its longer table.
        lengths: document lengths in tokens.
        texts: validation texts in tokens.
        options: of the search. With ``length_aware`` the queries are embedded with the old rows, whatever the table is.
    """

    measure = ACCURACY

    def __init__(
        self,
        embedder: Embedder,
        table: LongerTable,
        lengths: Sequence[int],
        texts: Sequence[Sequence[int]],
        options: SearchOptions,
    ) -> None:
        self.embedder, self.table, self.lengths, self.texts = embedder, table, lengths, texts
        self.options = options
        self.sets: list[tuple[int, RetrievalSet, NDArray[np.float32]]] = []

    @classmethod
    def load(cls, request: TrialRequest) -> EmbeddingTrial:
        """Load the model and the validation texts."""
        embedder = request.load()
        texts = [embedder.encode(text) for text in request.kind.read_texts(request.options.data)["validation"]]
        old = request.table.usable_length
        shorter = [old // share for share in SHORTER_SHARES if old // share >= SHORTEST]
        table = LongerTable(embedder.model, request.table, request.length)
        return cls(embedder, table, [*shorter, *request.lengths], texts, request.options)

    @property
    def positions(self) -> NDArray[Any]:
        """The old rows of the positions alone."""
        return self.table.positions

    def documents(self) -> tuple[int, int]:
        """Return half of the pools, and all of them."""
        pool, final = self.options.pool, self.options.documents or DOCUMENTS
        return max(pool, final // 2 // pool * pool), final

    def prepare(self, documents: int) -> None:
        """Make documents and queries; the queries are embedded once with the old rows."""
        self.table.restore()
        self.sets = []
        for length in self.lengths:
            retrieval = make_set(
                TASK,
                length,
                self.embedder.encode,
                self.texts,
                split="validation",
                documents=documents,
                pool=self.options.pool,
                seed=self.options.seed,
                special=self.embedder.special,
            )
            self.sets.append((length, retrieval, self.embedder.embed(retrieval.queries, queries=True)))

    def run(self, method: str, options: Mapping[str, object]) -> Candidate:
        """Embed the documents with the new rows, and the queries too unless short inputs read the old table."""
        kept = self.table.put(method, options)
        outcomes = {}
        for length, retrieval, old_queries in self.sets:
            queries = old_queries if self.options.length_aware else self.embedder.embed(retrieval.queries, queries=True)
            outcomes[length] = self._hits(retrieval, retrieval.documents, queries)
        return Candidate(method, options, kept, self.measure, outcomes)

    def baseline(self) -> Outcomes:
        """Embed documents cut to the old length with the old rows."""
        self.table.restore()
        room = self.table.usable_length - self.embedder.special
        return {
            length: self._hits(retrieval, [document[:room] for document in retrieval.documents], queries)
            for length, retrieval, queries in self.sets
        }

    def _hits(
        self, retrieval: RetrievalSet, documents: Sequence[Sequence[int]], queries: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        return hits(retrieval, self.embedder.embed(documents), queries).astype(np.float64)
