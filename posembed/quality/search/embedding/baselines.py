"""What the model gives without another table, and what no model gives: the baselines of `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.lexical import missing_bm25
from posembed.quality.evaluate.passes import Known, Models, Passes
from posembed.quality.evaluate.scoring import score_parts
from posembed.quality.evaluate.systems import (
    BM25,
    TRUNCATED,
    WORD_VECTORS,
    AveragedChunks,
    ChunkSystem,
    systems,
)
from posembed.quality.search.embedding.bench import Bench
from posembed.quality.search.embedding.judged import JudgedSet, Key, Values, means
from posembed.records.search import MeasuredBaseline

# What is measured on documents that decide nothing: these systems read little of them.
_LIGHT = (TRUNCATED, WORD_VECTORS, BM25)


@dataclass(frozen=True, eq=False)
class Baseline:
    """One way to search the documents without a longer table.

    Attributes:
        name: as `evaluate` calls it.
        outcomes: one number per query of each set.
        worth: mean over the sets that decide.
        vectors: vectors per document, ``None`` where there are none.
        tokens: tokens that a Transformer reads per document.
        query_ms: milliseconds per query.
    """

    name: str
    outcomes: dict[Key, Values]
    worth: float
    vectors: float | None
    tokens: float
    query_ms: float

    @property
    def is_rival(self) -> bool:
        """Whether it stores no more than a longer table would: one vector per document."""
        return self.vectors is not None and self.vectors <= 1

    @property
    def cost(self) -> str:
        """What it stores, in words."""
        if self.vectors is None:
            return "no vectors"
        return "1 vector" if self.vectors <= 1 else f"{self.vectors:.1f} vectors"

    def record(self) -> MeasuredBaseline:
        """Return it as it is stored."""
        return MeasuredBaseline(self.name, means(self.outcomes), self.vectors, self.tokens, self.query_ms)


class Baselines:
    """Measures baselines; documents of an earlier round are not embedded again.

    Args:
        bench: the model.
    """

    def __init__(self, bench: Bench) -> None:
        embedder, old = bench.embedder, bench.table.usable_length
        self.bench = bench
        self.models = Models(embedder, embedder, old, old)
        self.missing = missing_bm25()
        self.systems = [each for each in systems(self.models, bm25=self.missing is None) if not each.by_checkpoint]
        self.known: Known = {}

    def keep_best_chunks(self, sets: Sequence[JudgedSet], observer: Observer = SILENT) -> None:
        """Keep chunks of one length alone: of which averages rank the documents of some sets best.

        Chunks of three lengths would cost as much as the candidates of the last round.

        Args:
            sets: of longer documents, a few.
            observer: receives a message.
        """
        averaged = [each for each in self.systems if isinstance(each, AveragedChunks)]
        lengths = sorted({each.length for each in averaged})
        if len(lengths) < 2:
            return
        observer.message("measuring chunks of " + ", ".join(map(str, lengths)) + " tokens")
        self.bench.restore()
        found: dict[int, list[float]] = {length: [] for length in lengths}
        for each in sets:
            passes = Passes(each.documents, each.queries, self.models, self.known)
            for system in averaged:
                judged, _ = score_parts(system, passes, each.parts, each.judge)
                found[system.length].append(float(np.concatenate(judged).mean()))
        best = max(lengths, key=lambda length: float(np.mean(found[length])))
        self.systems = [each for each in self.systems if not isinstance(each, ChunkSystem) or each.length == best]

    def measure(self, sets: Sequence[JudgedSet], observer: Observer = SILENT) -> list[Baseline]:
        """Return every baseline on documents that are longer than the old table.

        Args:
            sets: of longer documents.
            observer: receives a message for each set.
        """
        self.bench.restore()
        outcomes: dict[str, dict[Key, Values]] = {each.name: {} for each in self.systems}
        costs: dict[str, list[tuple[float | None, float, float]]] = {each.name: [] for each in self.systems}
        for each in sets:
            observer.message(f"measuring baselines: {each.task} at {each.length} tokens")
            passes = Passes(each.documents, each.queries, self.models, self.known)
            for system in self.systems:
                if not each.decides and system.name not in _LIGHT:
                    continue
                judged, query_ms = score_parts(system, passes, each.parts, each.judge)
                outcomes[system.name][each.key] = np.concatenate(judged)
                cost = system.vectors_per_document(passes), system.tokens_per_document(passes), query_ms
                costs[system.name] += [cost] if each.decides else []
        deciding = [each.key for each in sets if each.decides]
        return [_baseline(name, found, deciding, costs[name]) for name, found in outcomes.items()]


def _baseline(
    name: str,
    outcomes: dict[Key, Values],
    deciding: Sequence[Key],
    costs: Sequence[tuple[float | None, float, float]],
) -> Baseline:
    vectors = [each for each, _, _ in costs if each is not None]
    return Baseline(
        name,
        outcomes,
        float(np.mean([outcomes[key].mean() for key in deciding])),
        float(np.mean(vectors)) if vectors else None,
        float(np.mean([tokens for _, tokens, _ in costs])),
        float(np.mean([query_ms for _, _, query_ms in costs])),
    )
