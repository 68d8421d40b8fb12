"""What a retrieval task must provide, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from posembed.errors import DataError
from posembed.quality.tasks.haystack import Ints
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.names import draw_names
from posembed.records.choices import Split
from posembed.records.evaluate import Task

Encode = Callable[[str], list[int]]
Pair = tuple[list[int], list[int]]
"""A document and its query, in tokens."""

# A shorter haystack would make the documents of a cell repeat one passage many times.
LEAST_HAYSTACK = 1024
# Strata of the evidence's depth: fifths show whether a model reads the middle, and each has 20 documents of a pool of
# 100.
DEPTHS = 5


class TooFewDocumentsError(DataError):
    """A task and a length for which the texts have too few documents.

    Args:
        task: name of the task.
        length: tokens per document.
        reason: what is missing, and what to do.
    """

    def __init__(self, task: Task, length: int, reason: str) -> None:
        super().__init__(f"{task} at {length} tokens: {reason}")
        self.task, self.length, self.reason = task, length, reason


@dataclass(frozen=True)
class SetRequest:
    """What documents are wanted.

    Attributes:
        encode: text to token ids, without special tokens.
        split: decides which names and numbers occur; no two splits share one.
        length: tokens per document, special ones included.
        body: tokens per document, without special ones.
        documents: number of documents.
        pool: documents that each query is ranked against.
        seed: random seed.
        at_most: whether there may be fewer documents, where the texts have no more; tasks that hide their evidence
            always give as many as are wanted.
    """

    encode: Encode
    split: Split
    length: int
    body: int
    documents: int
    pool: int
    seed: int = 0
    at_most: bool = False


@dataclass(frozen=True)
class Place:
    """One document of a set.

    Attributes:
        number: 0-based number of the document.
        person: whom the evidence is about; no other document of the set has that name.
        depth: where the evidence lies, as a fraction of the document.
    """

    number: int
    person: str
    depth: float


@dataclass(frozen=True)
class Placed:
    """A document, its query, and the stratum of the depth at which its evidence lies.

    Attributes:
        source: names the real document that it was cut from; empty for a made one.
    """

    document: tuple[int, ...]
    query: tuple[int, ...]
    stratum: int
    source: str = ""


Compose = Callable[[Place, np.random.Generator], Pair]


class RetrievalTask(ABC):
    """One retrieval task; :data:`posembed.quality.tasks.registry.TASKS` lists them."""

    name: ClassVar[Task]
    needs: ClassVar[str] = "room for the evidence"
    """What a document must have beside its length, in words."""

    @abstractmethod
    def pairs(self, request: SetRequest, held_out: HeldOut, rng: np.random.Generator) -> list[Placed]:
        """Return documents with their queries.

        Args:
            request: what documents are wanted.
            held_out: the texts.
            rng: random numbers of this task and length.

        Raises:
            DataError: if there is too little text.
        """


class HaystackTask(RetrievalTask):
    """A task that hides its evidence in a text, at depths that occur equally often."""

    @abstractmethod
    def prepare(self, request: SetRequest, stream: Ints) -> Compose:
        """Return a function that composes one document and its query.

        The function takes the document's :class:`Place` and the random numbers to use, in this order: documents depend
        on the order in which numbers are drawn.

        Args:
            request: what documents are wanted.
            stream: token ids of the held-out text.

        Raises:
            DataError: if there is too little text.
        """

    def pairs(self, request: SetRequest, held_out: HeldOut, rng: np.random.Generator) -> list[Placed]:
        """Return exactly the documents that are wanted."""
        compose = self.prepare(request, held_out.stream)
        depths = draw_depths(request.documents, request.pool, rng)
        people = draw_names(request.split, request.documents, rng)
        placed = []
        for number, (person, stratum) in enumerate(zip(people, depths, strict=True)):
            document, query = compose(Place(number, person, (stratum + float(rng.random())) / DEPTHS), rng)
            placed.append(Placed(tuple(document), tuple(query), stratum))
        return placed

    def require_haystack(self, request: SetRequest, stream: Ints) -> None:
        """Refuse a text that is too short to hide something in.

        Raises:
            DataError: saying how many tokens are missing.
        """
        if len(stream) < LEAST_HAYSTACK:
            raise TooFewDocumentsError(
                self.name,
                request.length,
                f"the {request.split} texts are too short for {request.documents} documents of the task {self.name}: "
                f"{LEAST_HAYSTACK - len(stream):,} tokens are missing; give more text in `data`, or fewer `documents`",
            )


def draw_depths(documents: int, pool: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return each document's stratum; every pool has them in equal numbers, in random order."""
    depths = np.tile(np.arange(DEPTHS), -(-documents // DEPTHS))[:documents]
    parts = [rng.permutation(part) for part in np.split(depths, documents // pool)]
    return tuple(np.concatenate(parts).tolist())
