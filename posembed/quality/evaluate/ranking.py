"""Retrieval by a checkpoint, beside what truncating and averaging chunks give on the same documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.paired import bootstrap_interval, difference, holm
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.retrieval_set import DEPTHS, RetrievalSet

Vectors = NDArray[np.float32]
System = Callable[[Sequence[Sequence[int]]], Vectors]
CHECKPOINT, TRUNCATED, CHUNKED = "checkpoint", "truncated", "chunks averaged"


@dataclass(frozen=True)
class Cell:
    """One task at one length by one system.

    Attributes:
        task: its name.
        length: tokens of a document.
        system: who embedded the documents.
        hits: 1 where a query's own document came first, one a query.
        depths: stratum of each query's evidence.
    """

    task: str
    length: int
    system: str
    hits: NDArray[np.int64]
    depths: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Accuracy with its interval, and by depth of the evidence."""
        return {
            "task": self.task,
            "length": self.length,
            "system": self.system,
            "documents": len(self.hits),
            "accuracy": bootstrap_interval(self.hits),
            "by_depth": [
                float(self.hits[self.depths == depth].mean()) if (self.depths == depth).any() else None
                for depth in range(DEPTHS)
            ],
        }


def hits(made: RetrievalSet, documents: Vectors, queries: Vectors) -> NDArray[np.int64]:
    """Whether each query's own document comes first among its pool's; a tie is a miss."""
    found = []
    for begin in range(0, len(documents), made.pool):
        scores = queries[begin : begin + made.pool] @ documents[begin : begin + made.pool].T
        own = np.diagonal(scores).copy()
        np.fill_diagonal(scores, -np.inf)
        found.append(own > scores.max(axis=1))
    return np.concatenate(found).astype(np.int64)


def systems(checkpoint: Embedder, original: Embedder, usable: int) -> dict[str, System]:
    """Who embeds the documents: the checkpoint, and the original with inputs cut or averaged at its own length.

    Args:
        checkpoint: what is judged.
        original: the model before it was extended; the same one where nothing was.
        usable: the longest input of the original, special tokens included.
    """
    return {
        CHECKPOINT: checkpoint.embed,
        TRUNCATED: lambda texts: original.embed_truncated(texts, usable),
        CHUNKED: lambda texts: original.embed_chunked(texts, usable),
    }


def comparisons(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The checkpoint against each baseline in each cell: paired differences, p-values corrected over all of them."""
    by_place: dict[tuple[str, int], dict[str, Cell]] = {}
    for cell in cells:
        by_place.setdefault((cell.task, cell.length), {})[cell.system] = cell
    found: list[dict[str, Any]] = [
        {"task": task, "length": length, "first": CHECKPOINT, "second": name}
        | difference(named[CHECKPOINT].hits, other.hits)
        for (task, length), named in by_place.items()
        if CHECKPOINT in named
        for name, other in named.items()
        if name != CHECKPOINT
    ]
    for entry, adjusted in zip(found, holm([entry["p"] for entry in found]), strict=True):
        entry["p_holm"] = adjusted
    return found
