"""A sentence-embedding checkpoint as a function from token ids to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pooling = Literal["mean", "cls"]
Ids = Sequence[Sequence[int]]
_TOKENS_AT_ONCE = 8192


class Embedder:
    """Embeds token ids with a Transformers model, a pooling and, where the checkpoint says so, normalisation.

    Args:
        model: a Transformers model that gives ``last_hidden_state``.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        pooling: ``"mean"`` over real tokens, or ``"cls"``.
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
        """Special tokens around a text."""
        return len(self.prefix) + len(self.suffix)

    def in_float32(self) -> Embedder:
        """The same model, computing in float32."""
        return Embedder(self.model, self.tokenizer, self.pooling, "fp32")

    def encode(self, text: str) -> list[int]:
        """Text to token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def pooled(self, texts: Ids) -> Tensor:
        """One batch of texts, padded on the right, with gradient: ``[texts, d_model]``, normalised."""
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
        """Any number of texts, in batches of like length; the order is kept."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        found: list[tuple[int, NDArray[np.float32]]] = []
        while order:
            width = len(texts[order[-1]]) + self.special
            batch = [order.pop() for _ in range(min(len(order), max(1, _TOKENS_AT_ONCE // width)))]
            vectors = self.pooled([texts[number] for number in batch]).cpu().numpy()
            found += zip(batch, vectors, strict=True)
        return np.stack([vector for _, vector in sorted(found, key=lambda pair: pair[0])])

    def embed_truncated(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Texts cut to ``length`` tokens, special tokens included: what happens where nothing is done."""
        return self.embed([text[: length - self.special] for text in texts])

    def embed_chunked(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """The mean of the vectors of a text's chunks of ``length`` tokens, normalised."""
        body = length - self.special
        chunks = [text[at : at + body] for text in texts for at in range(0, max(len(text), 1), body)]
        counts = [len(range(0, max(len(text), 1), body)) for text in texts]
        vectors = np.split(self.embed(chunks), np.cumsum(counts)[:-1])
        means = np.stack([part.mean(axis=0) for part in vectors])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)
