"""Titles and sections of one collection of manuals, and needles beside them, at several lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_requested
from posembed.quality.tasks.task import SetRequest
from posembed.quality.texts import load_documents, load_texts
from posembed.records.evaluate import Task

TASKS: tuple[Task, ...] = ("title", "section", "needle")
LENGTHS = (1024, 2048)
MOST = 300  # documents of a set
POOL, SEED = 100, 0


@dataclass(frozen=True)
class NamedSet:
    """One task at one length, of one collection.

    Attributes:
        collection: ``"web"``, ``"tools"``, or ``"standard library"`` for needles, which are hidden in its prose.
        task: what is asked.
        length: tokens per document.
        made: documents and queries.
    """

    collection: str
    task: Task
    length: int
    made: RetrievalSet


def named_sets(folder: Path, embedder: Embedder, only: str | None = None) -> Iterator[NamedSet]:
    """Yield the sets of the collections in a folder, or of one of them, those of one length after each other."""
    prose = HeldOut([embedder.encode(text) for text in load_texts("stdlib")["test"]])
    for place in sorted(each for each in folder.iterdir() if each.is_dir() and only in (None, each.name)):
        held_out = HeldOut([], load_documents(str(place), "all"), everything=True)
        for length in LENGTHS:
            for task in TASKS[:2]:
                yield NamedSet(place.name, task, length, retrieval_set(task, length, held_out, embedder))
    for length in LENGTHS:
        yield NamedSet("standard library", "needle", length, retrieval_set("needle", length, prose, embedder))


def retrieval_set(task: Task, length: int, held_out: HeldOut, embedder: Embedder) -> RetrievalSet:
    """Return documents and queries of one task at one length."""
    request = SetRequest(
        embedder.encode, "test", length, length - embedder.special, MOST, POOL, SEED, at_most=True
    )  # fmt: skip
    return make_requested(task, request, held_out)
