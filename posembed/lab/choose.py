"""Choose how to extend a table by what validation documents say: the range of rows that are used, and the method."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posembed.checkpoint.found import FoundTable
from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.lab.evaluation.embedder import Embedder
from posembed.lab.evaluation.loading import kind_of, load_embedder, only_table, parameter_name
from posembed.lab.evaluation.retrieval import System, hits
from posembed.lab.evaluation.tasks import RetrievalSet, Task, make_set
from posembed.lab.evaluation.texts import load_texts
from posembed.lab.hardware import resolve_precision
from posembed.models.extend import extend_model
from posembed.tables.centring import as_rows
from posembed.tables.extend import extend_table
from posembed.tables.steps import sharpest_step
from posembed.tables.trained_range import trained_range

Sets = Sequence[tuple[int, RetrievalSet, NDArray[np.float32]]]  # length, documents, embedded queries
TASKS: tuple[Task, ...] = ("passkey",)
LONGEST = 1024  # tokens of a swept document, unless the table has more rows itself: longer ones cost too much time
FINALISTS = 4


@dataclass(frozen=True)
class Candidate:
    """One way to extend, and how it did.

    Attributes:
        method: a method's name.
        options: of the method.
        kept: first rows that stay as they are, bit for bit: inputs of that length do not change.
        accuracy: share of validation queries whose document came first, by length.
        documents: queries behind each number.
    """

    method: str
    options: dict[str, Any]
    kept: int
    accuracy: dict[int, float]
    documents: int

    @property
    def mean(self) -> float:
        """Mean accuracy over the lengths."""
        return sum(self.accuracy.values()) / len(self.accuracy)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "method": self.method,
            "options": self.options,
            "kept": self.kept,
            "accuracy": {str(length): value for length, value in self.accuracy.items()},
            "documents": self.documents,
        }


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Attributes:
        method: a method's name.
        options: of the method.
        why: sentences.
        swept: every candidate with its numbers, the best first.
        truncated: what cutting the documents gave, by length.
    """

    method: str
    options: dict[str, Any]
    why: tuple[str, ...]
    swept: tuple[Candidate, ...]
    truncated: dict[int, float]


def choose_method(
    path: str | os.PathLike[str],
    length: int,
    *,
    data: str = "stdlib",
    documents: int = 200,
    pool: int = 100,
    precision: str = "auto",
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Choose range and method for a sentence-embedding checkpoint, on validation documents alone.

    Ranges of rows come from the table itself (where training seems to end, where norms jump) and from a grid of shares
    of its length. Each is repeated (``tile``) and stretched (``stretch``); all candidates embed documents of the old
    and of a longer length, the best few are measured again on more documents. Of those that cannot be told from the
    best (within one standard error), the one that keeps most rows is taken, since short inputs read those.

    Args:
        path: the checkpoint's directory.
        length: usable positions that are wanted.
        data: texts, as for ``posembed evaluate``; only the validation set is read.
        documents: of the final measurement, a multiple of ``pool``; the first sweep takes one pool.
        pool: documents that a query is ranked against.
        precision: ``"auto"``, ``"bf16"`` or ``"fp32"``.
        seed: of every draw.
        tell: is told what is being done.

    Raises:
        InvalidArgumentError: if the checkpoint is no embedding model, or has not exactly one sequence table.
        WorkFailedError: if no candidate is better than cutting the documents to the old length.
    """
    if kind_of(path) != "embedding":
        raise InvalidArgumentError(
            f"{path} is no sentence-embedding model (it has no modules.json): choosing by data is for these; name a "
            "--method instead"
        )
    table = only_table(path)
    old = table.usable_length
    if length <= old:
        raise InvalidArgumentError(f"length={length} must be above the {old} positions that the table has")
    precision = resolve_precision(precision, "cpu")
    tell("loading the model and the validation texts")
    embedder = load_embedder(path, precision=precision)
    name = parameter_name(embedder.model, table)
    rows = as_rows(embedder.model.get_parameter(name).detach().numpy())[table.layout.position_rows]
    trial = _Trial(embedder, table, length)
    lengths = sorted({old, min(length, max(LONGEST, 2 * old))})
    texts = [embedder.encode(text) for text in load_texts(data)["validation"]]

    def sets(count: int) -> Sets:
        made = [
            (n, make_set(task, n, embedder.encode, texts, split="validation", documents=count, pool=pool, seed=seed,
                         special=embedder.special))
            for task in TASKS
            for n in lengths
        ]  # fmt: skip
        trial.restore()
        return [(n, each, embedder.embed(each.queries)) for n, each in made]

    first = sets(pool)
    candidates = []
    for method, options in _candidates(rows, old):
        tell(f"{method} {options}")
        candidates.append(trial.measure(method, options, first))
    candidates.sort(key=lambda candidate: -candidate.mean)
    final = sets(documents)
    truncated = trial.truncated(old, final)
    finalists = []
    for candidate in candidates[:FINALISTS]:
        tell(f"again on {documents} documents: {candidate.method} {candidate.options}")
        finalists.append(trial.measure(candidate.method, candidate.options, final))
    finalists.sort(key=lambda candidate: -candidate.mean)
    best = _preferred(finalists)
    cut = sum(truncated.values()) / len(truncated)
    if best.mean <= cut:
        raise WorkFailedError(
            f"no way of extending is better than cutting documents to {old} tokens on {documents} validation documents "
            f"({best.method} {best.options}: {best.mean:.3f}, cut: {cut:.3f}); name a --method to extend all the same"
        )
    return Choice(
        best.method, best.options, _why(best, finalists, truncated, old), (*finalists, *candidates), truncated
    )


def _candidates(rows: NDArray[Any], old: int) -> list[tuple[str, dict[str, Any]]]:
    """Methods and options, from what the table shows and from shares of its length."""
    ranges = {max(2, round(share * old)) for share in (1, 3 / 4, 1 / 2, 3 / 8, 5 / 16, 1 / 4, 3 / 16, 1 / 8)}
    found = trained_range(rows)
    step = sharpest_step(rows) if (np.linalg.norm(rows, axis=1) > 0).all() else None
    for end in (found.end, found.suggested_usable_length, None if step is None else step.place):
        if end is not None and 2 <= end <= old:
            ranges.add(end)
    return [(method, {"range": size}) for size in sorted(ranges, reverse=True) for method in ("tile", "stretch")]


class _Trial:
    """One loaded model whose table is exchanged again and again."""

    def __init__(self, embedder: Embedder, table: FoundTable, length: int) -> None:
        self.embedder, self.table, self.length = embedder, table, length
        name = parameter_name(embedder.model, table)
        self.old = embedder.model.get_parameter(name).detach().clone().numpy()
        extend_model(embedder.model, length, method="tile")  # sizes, buffers and configuration, once
        self.weight = embedder.model.get_parameter(name).detach()

    def restore(self) -> None:
        """The old rows, for queries and cut documents, which reach no others."""
        self.weight[: len(self.old)] = torch.from_numpy(self.old)

    def measure(self, method: str, options: dict[str, Any], sets: Sets) -> Candidate:
        """Accuracy on each set, the documents read by this table, the queries by the old one."""
        layout = self.table.layout
        new = extend_table(self.old, self.length, method=method, layout=layout, **options)
        self.weight.copy_(torch.from_numpy(new))
        kept = options["range"] if method == "tile" else options.get("keep", 0)
        return Candidate(method, options, kept, _accuracy(sets, self.embedder.embed), len(sets[0][1].documents))

    def truncated(self, old: int, sets: Sets) -> dict[int, float]:
        """Accuracy of the old table on documents that are cut to its length."""
        self.restore()
        return _accuracy(sets, lambda texts: self.embedder.embed_truncated(texts, old))


def _accuracy(sets: Sets, embed: System) -> dict[int, float]:
    """Share of queries whose document came first, by length: the mean over the tasks."""
    found: dict[int, list[float]] = {}
    for length, made, queries in sets:
        found.setdefault(length, []).append(float(hits(made, embed(made.documents), queries).mean()))
    return {length: sum(values) / len(values) for length, values in found.items()}


def _preferred(finalists: Sequence[Candidate]) -> Candidate:
    """Of those within one standard error of the best, the one that keeps most rows."""
    best = finalists[0]
    error = math.sqrt(max(best.mean * (1 - best.mean), 1e-9) / (best.documents * len(best.accuracy)))
    near = [candidate for candidate in finalists if candidate.mean >= best.mean - error]
    return max(near, key=lambda candidate: (candidate.kept, candidate.mean))


def _why(best: Candidate, finalists: Sequence[Candidate], truncated: dict[int, float], old: int) -> tuple[str, ...]:
    def told(accuracy: dict[int, float]) -> str:
        return ", ".join(f"{value:.3f} at {length}" for length, value in sorted(accuracy.items()))

    others = "; ".join(
        f"{candidate.method} over {candidate.options['range']} rows {told(candidate.accuracy)}"
        for candidate in finalists
        if candidate is not best
    )
    return (
        f"{best.method} over the first {best.options['range']} of {old} rows: on {best.documents} validation documents "
        f"its passkey retrieval is {told(best.accuracy)} tokens; cutting to {old} gives {told(truncated)}.",
        f"Next best: {others}." if others else "No other candidate was measured again.",
        f"Inputs of up to {best.kept} tokens keep their rows bit for bit."
        if best.kept
        else "Every input reads other rows than before, short ones too.",
    )
