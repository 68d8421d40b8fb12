"""Embed token ids with a sentence-embedding model: whole, truncated, or as the average of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pooling = Literal["mean", "cls"]
Ids = Sequence[Sequence[int]]
# Tokens of a batch, padding included: enough to fill the cores, and about 0.5 GB of activations for a model of BERT's
# size.
TOKENS_PER_BATCH = 8192


class Embedder:
    """Embed token ids with a Transformers model, pooling and normalization.

    Args:
        model: a Transformers model that gives ``last_hidden_state``.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        pooling: ``"mean"`` over the tokens of a text, special ones included, or ``"cls"``, the first one.
        precision: ``"bf16"`` or ``"fp32"``.
    """

    def __init__(self, model: Any, tokenizer: Any, pooling: Pooling = "mean", precision: str = "fp32") -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.precision = precision
        probe, whole = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
        at = next((k for k in range(len(whole)) if whole[k : k + len(probe)] == probe), 0)
        self.prefix, self.suffix = whole[:at], whole[at + len(probe) :]

    @property
    def special(self) -> int:
        """Number of special tokens around a text."""
        return len(self.prefix) + len(self.suffix)

    def in_float32(self) -> Embedder:
        """Return an embedder with the same model that computes in float32."""
        return Embedder(self.model, self.tokenizer, self.pooling, "fp32")

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def pooled(self, texts: Ids) -> Tensor:
        """Return the unit vectors of one batch, ``[texts, d_model]``, with gradient.

        Args:
            texts: token ids without special tokens; the batch is padded on the right.
        """
        rows = [[*self.prefix, *text, *self.suffix] for text in texts]
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        device = next(self.model.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states.float()
        if self.pooling == "cls":
            vectors = states[:, 0]
        else:
            vectors = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(vectors, dim=-1)

    @torch.no_grad()
    def embed(self, texts: Ids) -> NDArray[np.float32]:
        """Return the unit vectors of any number of texts, ``[texts, d_model]``, in their order.

        Texts of similar length share a batch.
        """
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        vectors: dict[int, NDArray[np.float32]] = {}
        while order:
            width = len(texts[order[-1]]) + self.special
            batch = [order.pop() for _ in range(min(len(order), max(1, TOKENS_PER_BATCH // width)))]
            vectors |= zip(batch, self.pooled([texts[number] for number in batch]).cpu().numpy(), strict=True)
        return np.stack([vectors[number] for number in range(len(texts))])

    def embed_truncated(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the vectors of texts cut to ``length`` tokens, special tokens included: what happens by default."""
        return self.embed([text[: length - self.special] for text in texts])

    def embed_chunked(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the normalized mean of the vectors of each text's chunks of ``length`` tokens."""
        body = length - self.special
        chunks = [[text[at : at + body] for at in range(0, max(len(text), 1), body)] for text in texts]
        vectors = self.embed([chunk for parts in chunks for chunk in parts])
        ends = np.cumsum([len(parts) for parts in chunks])[:-1]
        means = np.stack([part.mean(axis=0) for part in np.split(vectors, ends)])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)
