"""posembed's retrieval tasks as tasks of mteb, with documents that are made from local text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from posembed.errors import DataError, InvalidArgumentError, require_package
from posembed.integrations.mteb.words import Words
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.real import RealTask
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_requested
from posembed.quality.tasks.task import SetRequest, TooFewDocumentsError
from posembed.quality.texts import load_documents
from posembed.records.base import require_distinct
from posembed.records.evaluate import SHORTEST_DOCUMENT, TASK_NAMES, DocumentsFrom, Task
from posembed.text_files import require_source

#: Words of the documents: about 170 to 2,700 tokens of English prose.
LENGTHS = (128, 256, 512, 1024, 2048)
DOCUMENTS = 100
_ABOUT = {
    "title": "Find a page, cut to a number of words, by its title.",
    "section": "Find a page, cut to a number of words, by the heading and first sentence of a section deep in it.",
    "needle": "Find the text that one made sentence about a person is hidden in.",
    "paragraph": "Find the text that one real paragraph is hidden in, by the paragraph's beginning.",
    "cloze": "Find a page, cut to a number of words, by a sentence that was taken out of it.",
    "passkey": "Find the text that a person's passkey is hidden in. Counting words finds it, see BM25.",
}


def local_tasks(
    data: str = "stdlib",
    *,
    tasks: Sequence[Task] | None = None,
    lengths: Sequence[int] = LENGTHS,
    documents: int = DOCUMENTS,
    documents_from: DocumentsFrom = "all",
    seed: int = 0,
) -> list[Any]:
    """Return retrieval tasks for ``mteb.evaluate``, one for each of posembed's tasks, with a split for each length.

    Lengths are words, not tokens, so that every model gets the same documents. The main score is nDCG@1, the share of
    queries whose own document ranks first. The same call makes the same documents; a task's dataset revision
    is their checksum.

    Args:
        data: ``"stdlib"``, a text file, or a directory of text files.
        tasks: names of tasks, see :data:`posembed.records.evaluate.Task`; by default all that the texts allow.
        lengths: words per document, each at least 64.
        documents: documents per split, which each query is ranked against; fewer where the texts have no more, at
            least 10.
        documents_from: which documents title, section and cloze ask about: ``"all"``, or ``"test"`` (a tenth, which
            neither search nor calibration reads).
        seed: random seed.

    Raises:
        InvalidArgumentError: for names or numbers that cannot be.
        DataError: if there is nothing to read, or too little for any task; for a task that was named, at all lengths.
        MissingExtraError: if mteb is not installed.
    """
    require_package("mteb", "mteb", "making tasks of mteb")
    _check(tasks, lengths, documents)
    require_source(data)
    words = Words()
    tokens = [words.encode(text) for text in EMBEDDING.read_texts(data)["test"]]
    named = TASK_NAMES if tasks is None else tasks
    reads = any(isinstance(TASKS[name], RealTask) for name in named)
    pages = load_documents(data, documents_from) if reads else ()
    held_out = HeldOut(tokens, pages, everything=documents_from == "all")
    made = []
    missing: list[TooFewDocumentsError] = []
    for name in named:
        sets: dict[str, RetrievalSet] = {}
        for length in lengths:
            try:
                wanted = SetRequest(words.encode, "test", length, length, documents, documents, seed, at_most=True)
                sets[f"words_{length}"] = make_requested(name, wanted, held_out)
            except TooFewDocumentsError as error:
                missing.append(error)
        if sets:
            made.append(_task(name, data, {split: _texts(each, words) for split, each in sets.items()}))
        elif tasks is not None:
            raise DataError(f"the task {name} cannot be made at any of the lengths: {missing[-1]}")
    if not made:
        raise DataError(str(missing[0]))
    return made


def _check(tasks: Sequence[Task] | None, lengths: Sequence[int], documents: int) -> None:
    unknown = [name for name in tasks or () if name not in TASK_NAMES]
    if unknown or (tasks is not None and not tasks):
        raise InvalidArgumentError(f"tasks={list(tasks or ())} must be some of {', '.join(TASK_NAMES)}")
    require_distinct("tasks", tuple(tasks or ()))
    if not lengths or min(lengths) < SHORTEST_DOCUMENT:
        raise InvalidArgumentError(
            f"lengths={list(lengths)} must be at least one number, each at least {SHORTEST_DOCUMENT} words"
        )
    require_distinct("lengths", tuple(lengths))
    if documents < 2:
        raise InvalidArgumentError(f"documents={documents} must be at least 2: a query is ranked against the others")


def _texts(made: RetrievalSet, words: Words) -> tuple[list[str], list[str]]:
    """Return a set's documents and queries as texts."""
    return [words.decode(each) for each in made.documents], [words.decode(each) for each in made.queries]


def _task(name: Task, data: str, texts: Mapping[str, tuple[list[str], list[str]]]) -> Any:
    """Return a task of mteb that holds documents and queries, by split; query ``i`` asks for document ``i``."""
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    def load_data(self: Any, *_: Any, **__: Any) -> None:
        if not self.data_loaded:
            self.dataset = {"default": {split: _split(*texts[split]) for split in self.eval_splits}}
            self.data_loaded = True

    metadata = TaskMetadata(
        name=f"Posembed{name.capitalize()}",
        description=f"{_ABOUT[name]} Made by posembed from {data}; lengths are words.",
        dataset={"path": f"posembed/{name}", "revision": _checksum(texts)},
        reference="https://arxiv.org/abs/2404.12096" if name in ("needle", "passkey") else None,
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=list(texts),
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_1",
        sample_creation="created",
    )
    kind = type(metadata.name, (AbsTaskRetrieval,), {"metadata": metadata, "load_data": load_data})
    return kind()


def _checksum(texts: Mapping[str, tuple[list[str], list[str]]]) -> str:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


def _split(documents: Sequence[str], queries: Sequence[str]) -> dict[str, Any]:
    from datasets import Dataset

    corpus = [{"id": f"d{number}", "title": "", "text": text} for number, text in enumerate(documents)]
    asked = [{"id": f"q{number}", "text": text} for number, text in enumerate(queries)]
    return {
        "corpus": Dataset.from_list(corpus),
        "queries": Dataset.from_list(asked),
        "relevant_docs": {f"q{number}": {f"d{number}": 1} for number in range(len(asked))},
        "top_ranked": None,
    }
