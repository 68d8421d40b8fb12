"""Documents and queries of one retrieval task at one length, each with the evidence at a known depth.

The tasks are of the kind of LongEmbed's (Zhu et al. 2024, arXiv:2404.12096), made from local text; they are not
LongEmbed. A document has exactly ``length`` tokens, special tokens included, and one query. Names, numbers, places in
the text and depths follow from the split, the task, the length and the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posembed.errors import DataError, InvalidArgumentError
from posembed.quality.rng import generator
from posembed.quality.tasks.names import draw_names
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.task import Encode, Place, SetRequest
from posembed.records.choices import Split
from posembed.records.evaluate import SHORTEST_DOCUMENT, Task

# Strata of the evidence's depth: fifths show whether a model reads the middle, and each has 20 documents of a pool of
# 100.
DEPTHS = 5


@dataclass(frozen=True)
class RetrievalSet:
    """Documents and queries; query ``i`` belongs to document ``i``.

    Attributes:
        documents: token ids without special tokens.
        queries: token ids without special tokens.
        depths: stratum of the evidence in each document, 0 (start) to ``DEPTHS − 1``.
        pool: number of documents that a query is ranked against; pools follow each other.
    """

    documents: tuple[tuple[int, ...], ...]
    queries: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    pool: int


def make_set(
    task: Task,
    length: int,
    encode: Encode,
    texts: Sequence[Sequence[int]],
    *,
    split: Split = "test",
    documents: int = 200,
    pool: int = 100,
    seed: int = 0,
    special: int = 2,
) -> RetrievalSet:
    """Make the documents and queries of one task at one length.

    Args:
        task: ``"passkey"``, ``"needle"`` or ``"paragraph"``.
        length: tokens per document, special tokens included.
        encode: text to token ids, without special tokens.
        texts: held-out documents of the split, in tokens; haystacks and paragraphs are cut from them.
        split: decides which names and numbers occur; no two splits share one.
        documents: number of documents, a multiple of ``pool``.
        pool: documents that a query is ranked against.
        seed: random seed.
        special: special tokens that the model adds around a document.

    Raises:
        InvalidArgumentError: for an unknown task, or counts that do not fit.
        DataError: if the texts are too short for this number of documents of this length.

    Example:
        >>> made = make_set("passkey", 256, lambda text: list(text.encode()), [], documents=5, pool=5)
        >>> len(made.documents), len(made.documents[0]), sorted(made.depths)
        (5, 254, [0, 1, 2, 3, 4])
    """
    if task not in TASKS:
        raise InvalidArgumentError(f"task={task!r} must be one of {', '.join(TASKS)}")
    require_pools(documents, pool)
    rng = generator("retrieval", task, split, length, seed)
    request = SetRequest(encode, split, length - special, documents, pool)
    stream = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts]) if texts else np.zeros(0, np.int64)
    compose = TASKS[task].prepare(request, stream)
    depths = draw_depths(documents, pool, rng)
    people = draw_names(split, documents, rng)
    pairs = []
    for number, (person, stratum) in enumerate(zip(people, depths, strict=True)):
        place = Place(number, person, (stratum + float(rng.random())) / DEPTHS)
        pairs.append(compose(place, rng))
    if any(len(document) != request.body for document, _ in pairs):
        raise DataError(
            f"length={length} has no room for the evidence: give `lengths` of at least {SHORTEST_DOCUMENT} tokens"
        )
    return RetrievalSet(
        tuple(tuple(document) for document, _ in pairs), tuple(tuple(query) for _, query in pairs), depths, pool
    )


def draw_depths(documents: int, pool: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return each document's stratum; every pool has them in equal numbers, in random order."""
    depths = np.tile(np.arange(DEPTHS), -(-documents // DEPTHS))[:documents]
    parts = [rng.permutation(part) for part in np.split(depths, documents // pool)]
    return tuple(np.concatenate(parts).tolist())


def require_pools(documents: int, pool: int) -> None:
    """Refuse documents that make no whole pools.

    Raises:
        InvalidArgumentError: naming both numbers.
    """
    if pool < 2:
        raise InvalidArgumentError(f"pool={pool} must be at least 2")
    if documents < pool or documents % pool:
        raise InvalidArgumentError(f"documents={documents} must be a multiple of pool={pool}")
