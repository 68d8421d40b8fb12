"""The result of ``evaluate``; docs/formats/evaluate.md describes its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from posembed.records.base import JsonObject, Record, Result
from posembed.records.choices import KindName, Split
from posembed.records.embedding_results import (
    Comparison,
    CosineSummary,
    EmbeddingResults,
    Fidelity,
    RetrievalCell,
)
from posembed.records.evaluate import DocumentsFrom, Task
from posembed.records.language_results import (
    Bucket,
    ChoiceCell,
    ChoiceDifference,
    DocumentInterval,
    LanguageResults,
    LossCell,
    LossDifference,
)

__all__ = [
    "Bucket",
    "ChoiceCell",
    "ChoiceDifference",
    "Comparison",
    "CosineSummary",
    "DocumentInterval",
    "EmbeddingResults",
    "Evaluation",
    "EvaluationSetup",
    "Fidelity",
    "LanguageResults",
    "LossCell",
    "LossDifference",
    "RetrievalCell",
]

SCHEMA, SCHEMA_VERSION = "posembed.evaluate", 2
Shortage = Literal["fewer", "left out", "refuse"]


@dataclass(frozen=True, kw_only=True)
class EvaluationSetup(Record):
    """Everything that decides the numbers.

    Attributes:
        data: the texts.
        lengths: document lengths in tokens.
        documents: documents per cell (for language models at most).
        seed: random seed.
        precision: ``"bf16"`` or ``"fp32"``.
        usable_length: longest input of the checkpoint, in tokens.
        original_usable_length: longest input of the original.
        split: the set of texts that was read.
        tasks: retrieval tasks, of embedding models.
        pool: documents that each query is ranked against, of embedding models.
        short: longest short text, of embedding models.
        corpus: a user's own documents, of embedding models.
        queries: a user's own queries, where they are not in the folder of ``corpus``.
        qrels: a user's own judgments, likewise.
        documents_from: texts that the tasks about real documents ask about, ``"test"`` or ``"all"``.
        shortage: what is done where the texts have fewer documents of a length, of embedding models: ``"fewer"`` are
            used, the task is ``"left out"`` at that length, or the call is refused (``"refuse"``).
    """

    data: str
    lengths: tuple[int, ...]
    documents: int
    seed: int
    precision: str
    usable_length: int
    original_usable_length: int
    split: Split = "test"
    tasks: tuple[Task, ...] | None = field(default=None, metadata={"omit_none": True})
    pool: int | None = field(default=None, metadata={"omit_none": True})
    short: int | None = field(default=None, metadata={"omit_none": True})
    corpus: str | None = field(default=None, metadata={"omit_none": True})
    queries: str | None = field(default=None, metadata={"omit_none": True})
    qrels: str | None = field(default=None, metadata={"omit_none": True})
    documents_from: DocumentsFrom | None = field(default=None, metadata={"omit_none": True})
    shortage: Shortage | None = field(default=None, metadata={"omit_none": True})


@dataclass(frozen=True, kw_only=True)
class Evaluation(Result):
    """A checkpoint on long inputs, next to what the model could do before it was extended.

    Attributes:
        created: when, in UTC.
        kind: kind of model.
        checkpoint: the path as given.
        original: the original's path as given, or ``None``.
        configuration: everything that decides the numbers.
        environment: versions and hardware.
        results: what was measured; its JSON keys stand beside the others.
        verdict: plain sentences.
        notes: what else to know, a sentence each: which original to name, for one.
        recorded_original: path of the model that the checkpoint was made from, where it is recorded, is there with the
            recorded tables, and no original was named.
    """

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    created: str
    kind: KindName
    checkpoint: str
    original: str | None
    configuration: EvaluationSetup
    environment: Mapping[str, str | int | bool | None]
    results: EmbeddingResults | LanguageResults
    verdict: tuple[str, ...]
    notes: tuple[str, ...] = ()
    recorded_original: str | None = None

    _RESULTS: ClassVar[Mapping[str, type[EmbeddingResults] | type[LanguageResults]]] = {
        "embedding": EmbeddingResults,
        "causal": LanguageResults,
        "masked": LanguageResults,
        "reranker": EmbeddingResults,
        "sparse": EmbeddingResults,
        "multi-vector": EmbeddingResults,
    }

    def to_dict(self) -> JsonObject:
        """Return plain values, ready for ``json.dumps``; the keys of ``results`` stand beside the others."""
        plain = super().to_dict()
        last = {name: plain.pop(name) for name in ("verdict", "notes", "recorded_original")}
        plain.pop("results")
        return {**plain, **self.results.to_dict(), **last}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that :meth:`to_dict` wrote.

        Raises:
            InvalidArgumentError: for an unknown or missing key.
        """
        kind = cls._RESULTS.get(str(values.get("kind")), EmbeddingResults)
        own = kind.__dataclass_fields__
        results = kind.from_dict({name: value for name, value in values.items() if name in own})
        return super().from_dict({n: value for n, value in values.items() if n not in own} | {"results": results})
