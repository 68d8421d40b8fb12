"""The training objective of embedding models: find the query's document among nearly identical ones.

Documents come in groups that share one haystack, so nothing sets them apart but what is hidden in it: a fact, or a
word or two within a passage. A step has several groups: what a single haystack asks for is often wrong for another.
Queries are short: the kept rows embed them, where enough rows are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.quality.calibrate.documents import Group, Source
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.lengths import document_lengths, draw_length
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.table_reader import TableReader
from posembed.quality.models.embedder import Embedder
from posembed.quality.rng import generator
from posembed.records.calibrate import CalibrationConfig

_TEMPERATURE = 0.05  # as in sentence-transformers' own losses, whose scale of 20 is its inverse
_PER_GROUP = 8  # documents that share a haystack; a default step has two haystacks


class Contrastive:
    """Cross-entropy of each query's own document among its group's, and of each document's own query.

    Args:
        embedder: of a :class:`FrozenModel`.
        config: of the calibration.
        old: a table, ``[rows, d_model]``, whose leading rows are the source's: it embeds the queries, unless the
            configuration says that the trained table does.
        train: texts.
        validation: texts, disjoint from those.
        at_once: documents whose activations fit into memory together.

    Raises:
        DataError: if the texts are too short.
    """

    def __init__(
        self,
        embedder: Embedder,
        config: CalibrationConfig,
        old: Tensor,
        train: Sequence[str],
        validation: Sequence[str],
        *,
        at_once: int,
    ) -> None:
        self.embedder, self.config, self.old = embedder, config, old
        self.model: FrozenModel = embedder.model
        self.reader = TableReader(embedder, at_once)
        self.train = Source(train, embedder.encode, "train")
        self.lengths = document_lengths(config)
        self.held_out = self._held_out(Source(validation, embedder.encode, "validation"))
        self.query_vectors = (
            []
            if config.queries_trained
            else [self.reader.embed(self.old, queries, queries=True) for _, queries in self.held_out]
        )

    def batch(self, step: int) -> list[Group]:
        """Return the groups of a step, documents and queries; its number alone decides them."""
        rng, length = self._length(step)
        size, share = length - self.embedder.special, self.config.facts
        return [self.train.group(count, size, share, rng) for count in group_sizes(self.config.batch)]

    def _held_out(self, source: Source) -> list[Group]:
        """Return the validation groups: half hide facts in evaluation's validation fillers, half are like training's.

        Both halves have every length. Their facts have other forms than those of training, so a table that overfits
        the training documents does not look better.
        """
        config = self.config
        rng = generator("calibrate", "validation", config.document, config.seed)
        sizes = [count for _ in range(max(2, config.held_out // config.batch)) for count in group_sizes(config.batch)]
        groups = []
        for number, count in enumerate(sizes):
            size = self.lengths[number // 2 % len(self.lengths)] - self.embedder.special
            if config.facts and number % 2 == 0:
                groups.append(source.group(count, size, 1.0, rng, known=number // 2 // len(self.lengths)))
            else:
                groups.append(source.group(count, size, config.facts, rng))
        return groups

    def tokens(self, step: int) -> int:
        """Return the number of tokens of a step's documents, special tokens included."""
        return self.config.batch * self._length(step)[1]

    def _length(self, step: int) -> tuple[np.random.Generator, int]:
        """Return a step's random numbers, and the length of its documents, which is the first of them."""
        rng = generator("calibrate", "step", step, self.config.seed)
        return rng, draw_length(self.lengths, rng)

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the gradients of one step's loss to the table's parameters; return the loss."""
        total = 0.0
        with table.as_leaf() as leaf:
            for group in self.batch(step):
                total += self._group_backward(group, leaf, len(group[0]) / self.config.batch)
        return total

    def _group_backward(self, group: Group, leaf: Tensor, share: float) -> float:
        documents, queries = group
        embed = self.reader.pooled if self.config.queries_trained else self.reader.embed
        query_vectors = embed(leaf if self.config.queries_trained else self.old, queries, queries=True)
        return self.reader.backward(leaf, documents, lambda vectors: share * contrastive_loss(query_vectors, vectors))

    def halve(self) -> bool:
        """Read half as many texts at once from now on; return ``False`` where it is one already."""
        return self.reader.halve()

    def validate(self, table: Tensor) -> float:
        """Return the mean loss of the validation groups."""
        losses = []
        for number, (documents, queries) in enumerate(self.held_out):
            trained = self.config.queries_trained
            query_vectors = self.reader.embed(table, queries, queries=True) if trained else self.query_vectors[number]
            losses.append(contrastive_loss(query_vectors, self.reader.embed(table, documents)).item())
        return sum(losses) / len(losses)


def contrastive_loss(queries: Tensor, documents: Tensor) -> Tensor:
    """Return the mean cross-entropy, in both directions, of unit vectors ``[batch, d_model]`` that belong in pairs.

    Example:
        >>> round(contrastive_loss(torch.eye(2), torch.eye(2)).item(), 6)
        0.0
    """
    scores = queries @ documents.T / _TEMPERATURE
    own = torch.arange(len(queries), device=scores.device)
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


def group_sizes(batch: int) -> list[int]:
    """Return the sizes of a step's groups: about eight documents each, never one.

    Example:
        >>> group_sizes(32), group_sizes(18), group_sizes(3)
        ([8, 8, 8, 8], [9, 9], [3])
    """
    return [len(part) for part in np.array_split(np.arange(batch), max(1, batch // _PER_GROUP))]
