"""Embed texts with a table in place of the model's own, and pass the gradient of a loss on to that table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.models.embedder import Embedder

Texts = Sequence[Sequence[int]]
Loss = Callable[[Tensor], Tensor]
"""Unit vectors ``[texts, d]`` to a loss."""


class TableReader:
    """A frozen embedding model that reads whatever table it is given.

    Args:
        embedder: of a :class:`FrozenModel`.
        at_once: texts whose activations fit into memory together; at least one is taken.
    """

    def __init__(self, embedder: Embedder, at_once: int) -> None:
        self.embedder, self.at_once = embedder, max(1, at_once)
        self.model: FrozenModel = embedder.model

    def embed(self, table: Tensor, texts: Texts, *, queries: bool = False) -> Tensor:
        """Return unit vectors of documents, or of queries, ``[texts, d]``, without a gradient."""
        with self.model.reading(table):
            return torch.from_numpy(self.embedder.embed(texts, queries=queries)).to(table.device)

    def pooled(self, table: Tensor, texts: Texts, *, queries: bool = False) -> Tensor:
        """Return unit vectors of one batch of documents, or of queries, ``[texts, d]``, with the table's gradient."""
        with self.model.reading(table):
            return self.embedder.pooled(texts, queries=queries)

    def backward(self, table: Tensor, texts: Texts, loss_of: Loss) -> float:
        """Add the gradient of a loss of the texts' vectors to ``table.grad``; return the loss.

        Texts that do not fit into memory together are embedded twice, a few at a time: first without a gradient, then
        with the gradient that the loss has for their vectors (Gao et al. 2021, arXiv:2101.06983).

        Args:
            table: a leaf that requires a gradient, ``[rows, d_model]``.
            texts: token ids without special tokens.
            loss_of: the loss of all vectors; what else it depends on may have a gradient too.
        """
        if len(texts) <= self.at_once:
            loss = loss_of(self.pooled(table, texts))
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.item()
        parts = [texts[at : at + self.at_once] for at in range(0, len(texts), self.at_once)]
        with torch.no_grad():
            vectors = torch.cat([self.pooled(table, part) for part in parts])
        vectors.requires_grad_()
        loss = loss_of(vectors)
        loss.backward()  # type: ignore[no-untyped-call]
        assert vectors.grad is not None
        for part, gradient in zip(parts, vectors.grad.split(self.at_once), strict=True):  # type: ignore[no-untyped-call]
            self.pooled(table, part).backward(gradient)  # type: ignore[no-untyped-call]
        return loss.item()
