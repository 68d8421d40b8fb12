"""One loaded model whose table is exchanged again and again, measured on validation documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from posembed.extension.live import extend_in_place
from posembed.find.found import FoundTable
from posembed.quality.evaluate.documents import cut_documents
from posembed.quality.evaluate.ranking import hits
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.loading import parameter_name
from posembed.quality.models.scorer import Losses, Scorer
from posembed.quality.rng import generator
from posembed.quality.search.candidates import Candidate, Measure, Outcomes, measured
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_set
from posembed.records.evaluate import Task
from posembed.tables.extend import extend_table

TASK: Task = "passkey"


class Trial(Protocol):
    """How a candidate and the baseline are measured."""

    measure_name: Measure

    def prepare(self, documents: int) -> None:
        """Make so many validation documents of each length."""

    def measure(self, method: str, options: dict[str, Any]) -> Candidate:
        """A way to extend, on the documents."""

    def baseline(self) -> Outcomes:
        """What the old table does with them."""


class LongerTable:
    """The table of a loaded model, made long once; its rows are then put in as they are wanted."""

    def __init__(self, model: Any, table: FoundTable, length: int) -> None:
        self.table, self.length = table, length
        name = parameter_name(model, table)
        self.old = model.get_parameter(name).detach().clone().numpy()
        extend_in_place(model, length, method="tile")  # sizes, buffers and configuration
        self.weight = model.get_parameter(name).detach()

    @property
    def positions(self) -> NDArray[Any]:
        """The old rows of the positions alone."""
        rows: NDArray[Any] = self.old[self.table.layout.position_rows]
        return rows

    def restore(self) -> None:
        """The old rows, for inputs that reach no others."""
        self.weight[: len(self.old)] = torch.from_numpy(self.old)

    def put(self, method: str, options: dict[str, Any]) -> int:
        """Rows by a method; returns how many first positions keep theirs."""
        new = extend_table(self.old, self.length, method=method, layout=self.table.layout, **options)
        self.weight.copy_(torch.from_numpy(new))
        kept: int = options.get("range", self.table.usable_length) if method == "tile" else options.get("keep", 0)
        return kept


class EmbeddingTrial:
    """Share of passkey queries whose document comes first, beside documents cut to the old length.

    With ``old_queries`` the queries are embedded by the old rows whatever the table is: those of tables by length.
    """

    measure_name: Measure = "accuracy"

    def __init__(
        self,
        embedder: Embedder,
        table: LongerTable,
        lengths: Sequence[int],
        texts: list[list[int]],
        pool: int,
        seed: int,
        *,
        old_queries: bool = False,
    ) -> None:
        self.embedder, self.table, self.lengths = embedder, table, lengths
        self.texts, self.pool, self.seed, self.old_queries = texts, pool, seed, old_queries
        self.sets: list[tuple[int, RetrievalSet, NDArray[np.float32]]] = []

    def prepare(self, documents: int) -> None:
        """Documents and queries; those that the old rows read are embedded once."""
        self.table.restore()
        self.sets = []
        for length in self.lengths:
            made = make_set(
                TASK,
                length,
                self.embedder.encode,
                self.texts,
                split="validation",
                documents=documents,
                pool=self.pool,
                seed=self.seed,
                special=self.embedder.special,
            )
            self.sets.append((length, made, self.embedder.embed(made.queries)))

    def measure(self, method: str, options: dict[str, Any]) -> Candidate:
        """The documents are read by the new table, and the queries too, if no other reads short inputs."""
        kept = self.table.put(method, options)
        found: Outcomes = {}
        for length, made, before in self.sets:
            queries = before if self.old_queries else self.embedder.embed(made.queries)
            found[length] = hits(made, self.embedder.embed(made.documents), queries).astype(np.float64)
        return measured(method, options, kept, self.measure_name, found)

    def baseline(self) -> Outcomes:
        """Documents cut to the old length."""
        self.table.restore()
        old = self.table.table.usable_length
        return {
            length: hits(made, self.embedder.embed_truncated(made.documents, old), queries).astype(np.float64)
            for length, made, queries in self.sets
        }


class LanguageTrial:
    """Loss of every predicted token of inputs of a length, beside a sliding window of the old model."""

    measure_name: Measure = "loss"

    def __init__(
        self,
        scorer: Scorer,
        table: LongerTable,
        lengths: Sequence[int],
        texts: list[list[int]],
        seed: int,
        *,
        one_file: bool = False,
    ) -> None:
        self.scorer, self.table, self.lengths, self.texts, self.seed = scorer, table, lengths, texts, seed
        self.one_file = one_file
        self.inputs: list[tuple[int, NDArray[np.int64], NDArray[np.bool_]]] = []

    def prepare(self, documents: int) -> None:
        """One window of each document that is long enough, and what is hidden in it."""
        self.inputs = []
        for length in self.lengths:
            ids = cut_documents(self.texts, length, documents, "validation", self.seed, one_file=self.one_file)
            chosen = self.scorer.kind.choose(ids.shape, generator("masks", "validation", length, self.seed))
            self.inputs.append((length, ids, chosen))

    def measure(self, method: str, options: dict[str, Any]) -> Candidate:
        """The whole input at once."""
        kept = self.table.put(method, options)
        return measured(method, options, kept, self.measure_name, self._outcomes(self.scorer.losses))

    def baseline(self) -> Outcomes:
        """A window of the old length that moves on."""
        self.table.restore()
        old = self.table.table.usable_length
        return self._outcomes(lambda ids, chosen: sliding_losses(self.scorer, ids, chosen, old))

    def _outcomes(self, losses: Callable[[NDArray[np.int64], NDArray[np.bool_]], Losses]) -> Outcomes:
        return {length: np.nanmean(losses(ids, chosen), axis=1) for length, ids, chosen in self.inputs}
