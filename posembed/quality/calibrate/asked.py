"""Training documents with the queries that ask for them: their titles, and the beginnings of their sections.

A document's own title and the heading and first sentence of one of its sections are taken out of it, and should find it
among others. This is what long texts are searched with, and it costs no labels (inverse cloze: Lee et al. 2019,
arXiv:1906.00300).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.quality.documents.document import Document
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.held_out import HeldOut

# Targets of other documents that a query is told apart from, for each length: half a minute of work on 2 cores.
_OTHERS = 128
_LEAST_DOCUMENTS = 10  # of a length: telling fewer apart teaches little
_TEMPERATURE = 0.05

Targets = Callable[[Sequence[Sequence[int]]], Tensor]
"""Documents to the unit vectors that they are trained towards, ``[documents, d]``."""


@dataclass(frozen=True)
class Asked:
    """What one step reads.

    Attributes:
        documents: token ids without special tokens.
        queries: token ids of one query for each document.
        others: unit vectors of other documents of that length, ``[others, d]``.
        own: which of them are the document itself, ``[documents, others]``.
    """

    documents: list[list[int]]
    queries: list[list[int]]
    others: Tensor
    own: Tensor


class AskedDocuments:
    """The documents of a training set that have a title or a section to be asked for, by length.

    Args:
        documents: of the training set.
        embedder: whose tokens are counted.
        lengths: tokens of the documents, special tokens included.
        targets: what documents are trained towards.
        seed: random seed.
    """

    def __init__(
        self, documents: Sequence[Document], embedder: Embedder, lengths: Sequence[int], targets: Targets, seed: int
    ) -> None:
        source = HeldOut([], documents)
        self.excerpts: dict[int, list[Excerpt]] = {}
        self._others: dict[int, Tensor] = {}
        for length in lengths:
            found = source.excerpts(embedder.encode, length - embedder.special, "train", seed)
            asked = [excerpt for excerpt in found if questions(excerpt)]
            if len(asked) >= _LEAST_DOCUMENTS:
                self.excerpts[length] = asked
                self._others[length] = targets([excerpt.ids for excerpt in asked[:_OTHERS]])

    def draw(self, length: int, count: int, rng: np.random.Generator) -> Asked:
        """Return documents of a length that :attr:`excerpts` has, none twice, each with one of its queries."""
        known = self.excerpts[length]
        chosen = rng.permutation(len(known))[:count]
        excerpts = [known[number] for number in chosen]
        asked = [questions(excerpt) for excerpt in excerpts]
        queries = [each[int(rng.integers(len(each)))] for each in asked]
        others = self._others[length]
        own = torch.from_numpy(chosen[:, None] == np.arange(len(others))[None]).to(others.device)
        return Asked([list(each.ids) for each in excerpts], [list(each.ids) for each in queries], others, own)


def questions(excerpt: Excerpt) -> list[Question]:
    """Return the title and the section of a document; of one that has neither, a sentence from it, if any."""
    found = [each for each in (excerpt.title, excerpt.section) if each is not None]
    return found or [each for each in (excerpt.sentence,) if each is not None]


def asked_loss(vectors: Tensor, queries: Tensor, others: Tensor, own: Tensor) -> Tensor:
    """Return the mean cross-entropy of each query's document among others.

    Args:
        vectors: unit vectors of the documents, ``[batch, d]``.
        queries: theirs, in the same order.
        others: of other documents, ``[others, d]``.
        own: which of these are the document itself, ``[batch, others]``; they are left out.

    Example:
        >>> mine = torch.tensor([[True, False]])
        >>> loss = asked_loss(torch.eye(2)[:1], torch.eye(2)[:1], torch.eye(2), mine)
        >>> round(loss.item(), 6), asked_loss(torch.eye(2)[:1], torch.eye(2)[:1], torch.eye(2)[:1], mine[:, :1]).item()
        (0.0, 0.0)
    """
    scores = torch.cat(((vectors * queries).sum(1, keepdim=True), (queries @ others.T).masked_fill(own, -torch.inf)), 1)
    return F.cross_entropy(scores / _TEMPERATURE, scores.new_zeros(len(scores), dtype=torch.long))
