"""Options and result of the search for an extension method on validation data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, Record, require_distinct
from posembed.records.behavior import EndVerdict
from posembed.records.choices import Precision, Split
from posembed.records.embedding_results import Scope
from posembed.records.typed import PathText

MeasureName = Literal["accuracy", "loss"]
TaskValues = Mapping[str, Mapping[int, float]]
"""A mean over queries, by task and by length of the documents in tokens."""
_OPTIONAL = {"omit_none": True}


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Options):
    """What to search, and on which documents."""

    data: PathText = "stdlib"
    """Texts: stdlib, a text file, or a directory of text files. Of language models the validation set is read, of
    embedding models the training set too; the test set never is."""
    corpus: PathText | None = None
    """Your own documents to search (embedding models): corpus.jsonl, or a folder with corpus.jsonl, queries.jsonl and
    qrels/test.tsv. Candidates are then judged by your queries."""
    queries: PathText | None = None
    """Your own queries: queries.jsonl. By default the one in the folder of corpus."""
    qrels: PathText | None = None
    """Which documents answer which query: a table with tabs. By default qrels/test.tsv in the folder of corpus."""
    documents: int | None = None
    """Maximum number of documents of each length in the final measurement (200 for embedding models, 64 for language
    models if omitted). Earlier rounds use a part of them."""
    pool: int = 50
    """Maximum number of documents that each query is ranked against (embedding models)."""
    device: str = "auto"
    """Device that runs the model: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
    precision: Precision = "auto"
    """Arithmetic of the forward passes; auto is bf16 where the hardware has it."""
    seed: int = 0
    """Random seed."""
    length_aware: bool = False
    """Search for length-aware tables: inputs that the old table has room for read it, queries among them."""
    methods: tuple[str, ...] | None = None
    """Methods to search; by default all that have a search space and suit the kind of model."""
    must_be_better: bool = True
    """Fail unless a candidate is better than the old table is without it, and nowhere worse; otherwise return the best
    of a shorter search anyway."""
    trust_remote_code: bool = False
    """Run Python code from the checkpoint's folder, where its model needs it. Such code can do whatever you can."""

    def __post_init__(self) -> None:
        """Check what can be checked without a checkpoint.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        super().__post_init__()
        require_distinct("methods", self.methods or ())
        for name, least in (("documents", 1), ("pool", 2), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidArgumentError(f"{name}={value} must be at least {least}")


@dataclass(frozen=True)
class SweptCandidate(Record):
    """One candidate of the method search and its result on validation documents.

    Attributes:
        method: a method's name.
        options: of the method.
        kept: leading positions whose rows stay unchanged; with length-aware tables, the longest input that reads the
            old table.
        accuracy: by length, where more is better; ``None`` where the measure is the loss.
        loss: in nats per token, by length; ``None`` where the measure is the accuracy.
        documents: largest number of documents behind a value.
        tasks: of an embedding model, the accuracy by task and length; that by length is the mean over the tasks.
        length_aware: whether inputs that the old table has room for read it.
    """

    method: str
    options: Mapping[str, Any]
    kept: int
    accuracy: Mapping[int, float] | None = field(metadata=_OPTIONAL)
    loss: Mapping[int, float] | None = field(metadata=_OPTIONAL)
    documents: int
    tasks: TaskValues | None = field(default=None, metadata=_OPTIONAL)
    length_aware: bool | None = field(default=None, metadata=_OPTIONAL)

    @property
    def values(self) -> Mapping[int, float]:
        """The measure by length, whichever it is."""
        return self.accuracy or self.loss or {}


@dataclass(frozen=True)
class MeasuredBaseline(Record):
    """One way to use the model without another table, or none at all, on the documents of the final measurement.

    Attributes:
        system: its name, as ``evaluate`` calls it.
        tasks: accuracy by task and length.
        vectors_per_document: vectors that an index stores per document; ``None`` where it stores none (BM25).
        tokens_per_document: tokens that a Transformer reads per document.
        query_ms: milliseconds per query, as measured; not compared, and not part of ``posembed.json``.
    """

    system: str
    tasks: TaskValues
    vectors_per_document: float | None
    tokens_per_document: float
    query_ms: float | None = field(default=None, compare=False, metadata=_OPTIONAL)


@dataclass(frozen=True)
class ChoiceComparison(Record):
    """A candidate of the final measurement compared with one baseline in one task, over all lengths of a scope.

    Attributes:
        method: the candidate's method.
        options: of the method.
        length_aware: whether inputs that the old table has room for read it.
        baseline: name of the baseline; ``"old table"`` for documents that the old table has room for.
        task: the task.
        scope: ``"longer"``: documents longer than the old table; ``"native"``: those that it has room for.
        lengths: the lengths that were pooled.
        documents: number of different documents that were asked for; of queries, where documents are made or your own.
        mean: mean of the paired difference, above 0 where the candidate is better.
        low: lower bound of its interval, which is corrected for the number of candidates and tasks.
        high: upper bound of its interval.
    """

    method: str
    options: Mapping[str, Any]
    length_aware: bool
    baseline: str
    task: str
    scope: Scope
    lengths: tuple[int, ...]
    documents: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SearchedTexts(Record):
    """Which texts a search has read.

    Attributes:
        data: as the call named them.
        splits: which of the three sets.
        files: number of files, or of pieces of a single one.
        sha256: over the SHA-256 of each, in their order; it does not depend on names and folders.
        kinds: number of files by how they are read, such as ``{"Markdown": 12}``.
        own: SHA-256 of the user's own documents, queries and judgments, by what they are; ``None`` without.
    """

    data: str
    splits: tuple[Split, ...]
    files: int
    sha256: str
    kinds: Mapping[str, int]
    own: Mapping[str, str] | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True)
class SearchedRange(Record):
    """Up to which position the model works alike, as moving its positions shows before anything is measured.

    Attributes:
        verdict: ``"ends"``, ``"no end"`` or ``"unknown"``.
        end: number of leading positions that work alike, for ``"ends"``.
        low: lower end of its interval.
        high: upper end.
    """

    verdict: EndVerdict
    end: int | None = None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class MethodChoice(Record):
    """How the method was chosen on validation documents.

    Attributes:
        why: sentences.
        measure: of all numbers: ``"accuracy"`` or ``"loss"``.
        baseline: result of the old table, by length: on documents cut to its length, or with a sliding window.
        short: with length-aware tables, the longest input that reads the old one.
        swept: every candidate, the best first: those measured again on all documents, then those of the first rounds.
        method: the chosen method's name; a plan has it, so it is not part of this record's JSON.
        options: of the method, likewise.
        accepted: whether the chosen candidate is better than every baseline that it must beat, and nowhere worse.
        texts: which texts were read.
        range: what the model's behavior shows, of an embedding model.
        baselines: what an embedding model gives without another table.
        comparisons: the candidates of the final measurement compared with these.
    """

    why: tuple[str, ...]
    measure: MeasureName
    baseline: Mapping[int, float]
    short: int | None
    swept: tuple[SweptCandidate, ...]
    method: str = field(default="", metadata={"json": None})
    options: Mapping[str, Any] = field(default_factory=dict, metadata={"json": None})
    accepted: bool | None = field(default=None, metadata=_OPTIONAL)
    texts: SearchedTexts | None = field(default=None, metadata=_OPTIONAL)
    range: SearchedRange | None = field(default=None, metadata=_OPTIONAL)
    baselines: tuple[MeasuredBaseline, ...] | None = field(default=None, metadata=_OPTIONAL)
    comparisons: tuple[ChoiceComparison, ...] | None = field(default=None, metadata=_OPTIONAL)

    def untimed(self) -> Self:
        """Return the same without milliseconds, so that the same search is stored as the same bytes."""
        if self.baselines is None:
            return self
        return replace(self, baselines=tuple(replace(each, query_ms=None) for each in self.baselines))
