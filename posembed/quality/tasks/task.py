"""What a retrieval task must provide, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from posembed.errors import DataError
from posembed.quality.tasks.haystack import Ints
from posembed.records.choices import Split
from posembed.records.evaluate import Task

Encode = Callable[[str], list[int]]
Pair = tuple[list[int], list[int]]
"""A document and its query, in tokens."""

# A shorter haystack would make the documents of a cell repeat one passage many times.
LEAST_HAYSTACK = 1024


@dataclass(frozen=True)
class SetRequest:
    """What documents are wanted.

    Attributes:
        encode: text to token ids, without special tokens.
        split: decides which names and numbers occur; no two splits share one.
        body: tokens per document, without special ones.
        documents: number of documents.
        pool: documents that each query is ranked against.
    """

    encode: Encode
    split: Split
    body: int
    documents: int
    pool: int


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


Compose = Callable[[Place, np.random.Generator], Pair]


class RetrievalTask(ABC):
    """One retrieval task; :data:`posembed.quality.tasks.registry.TASKS` lists them."""

    name: ClassVar[Task]

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

    def require_haystack(self, request: SetRequest, stream: Ints) -> None:
        """Refuse a text that is too short to hide something in.

        Raises:
            DataError: saying how many tokens are missing.
        """
        if len(stream) < LEAST_HAYSTACK:
            raise DataError(
                f"the {request.split} texts are too short for {request.documents} documents of the task {self.name}: "
                f"{LEAST_HAYSTACK - len(stream):,} tokens are missing; give more text in `data`, or fewer `documents`"
            )
