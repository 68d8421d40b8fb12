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
TokenLoss = Callable[[int, Tensor], Tensor]
"""The number of a text and the states of its tokens, ``[tokens, d_model]``, to its share of a loss."""


class TableReader:
    """A frozen embedding model that reads whatever table it is given.

    Args:
        embedder: of a :class:`FrozenModel`.
        at_once: texts whose activations fit into memory together; at least one is taken.
    """

    def __init__(self, embedder: Embedder, at_once: int) -> None:
        self.embedder, self.at_once = embedder, max(1, at_once)
        self.model: FrozenModel = embedder.model

    def halve(self) -> bool:
        """Take half as many texts at once from now on; return ``False`` where it is one already."""
        if self.at_once == 1:
            return False
        self.at_once //= 2
        return True

    def embed(self, table: Tensor, texts: Texts, *, queries: bool = False) -> Tensor:
        """Return unit vectors of documents, or of queries, ``[texts, d]``, without a gradient."""
        with self.model.reading(table):
            return torch.from_numpy(self.embedder.embed(texts, queries=queries)).to(table.device)

    def pooled(self, table: Tensor, texts: Texts, *, queries: bool = False) -> Tensor:
        """Return unit vectors of one batch of documents, or of queries, ``[texts, d]``, with the table's gradient."""
        with self.model.reading(table):
            return self.embedder.pooled(texts, queries=queries)

    def backward(self, table: Tensor, texts: Texts, loss_of: Loss, tokens_loss: TokenLoss | None = None) -> float:
        """Add the gradient of a loss of the texts' vectors to ``table.grad``; return the loss.

        Texts that do not fit into memory together are embedded twice, a few at a time: first without a gradient, then
        with the gradient that the loss has for their vectors (Gao et al. 2021, arXiv:2101.06983).

        Args:
            table: a leaf that requires a gradient, ``[rows, d_model]``.
            texts: token ids without special tokens.
            loss_of: the loss of all vectors; what else it depends on may have a gradient too.
            tokens_loss: a loss of the states of each text's tokens, added to it.
        """
        if len(texts) <= self.at_once:
            vectors, beside = self._read(table, texts, 0, tokens_loss)
            loss = loss_of(vectors) + beside
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.item()
        parts = [texts[at : at + self.at_once] for at in range(0, len(texts), self.at_once)]
        with torch.no_grad():
            vectors = torch.cat([self.pooled(table, part) for part in parts])
        vectors.requires_grad_()
        loss = loss_of(vectors)
        loss.backward()  # type: ignore[no-untyped-call]
        assert vectors.grad is not None
        total = loss.item()
        for number, (part, gradient) in enumerate(zip(parts, vectors.grad.split(self.at_once), strict=True)):  # type: ignore[no-untyped-call]
            own, beside = self._read(table, part, number * self.at_once, tokens_loss)
            ((own * gradient).sum() + beside).backward()
            total += beside.item()
        return total

    def _read(self, table: Tensor, texts: Texts, first: int, tokens_loss: TokenLoss | None) -> tuple[Tensor, Tensor]:
        """Return the vectors of one batch, and the loss of its tokens; ``first`` is the number of its first text."""
        if tokens_loss is None:
            return self.pooled(table, texts), table.new_zeros(())
        with self.model.reading(table):
            vectors, tokens = self.embedder.pooled_with_tokens(texts)
        return vectors, torch.stack([tokens_loss(first + at, own) for at, own in enumerate(tokens)]).sum()
