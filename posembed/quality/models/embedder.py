"""Embed token ids with a sentence-embedding model: whole, truncated, as the average of chunks, or by late chunking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.tokenizing import special_tokens

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
        stored_limit: tokens at which the model's files say that inputs are cut, special ones included.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        pooling: Pooling = "mean",
        precision: str = "fp32",
        stored_limit: int | None = None,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.precision = precision
        self.stored_limit = stored_limit
        self.prefix, self.suffix = special_tokens(tokenizer)

    @property
    def special(self) -> int:
        """Number of special tokens around a text."""
        return len(self.prefix) + len(self.suffix)

    def in_float32(self) -> Embedder:
        """Return an embedder with the same model that computes in float32."""
        return Embedder(self.model, self.tokenizer, self.pooling, "fp32", self.stored_limit)

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        text: str = self.tokenizer.decode(list(ids))
        return text

    @property
    def has_late_chunks(self) -> bool:
        """Whether part of an input has a vector of its own: the mean of its states; a first token has no parts."""
        return self.pooling == "mean"

    def input_vectors(self) -> NDArray[np.float32] | None:
        """Return the word vectors that the model reads, ``[vocabulary, d]``; ``None`` where it has no such table."""
        try:
            module = self.model.get_input_embeddings()
        except (AttributeError, NotImplementedError):
            return None
        weight = getattr(module, "weight", None)
        if not isinstance(weight, Tensor):
            return None
        return np.asarray(weight.detach().float().cpu().numpy(), dtype=np.float32)

    def pooled(self, texts: Ids) -> Tensor:
        """Return the unit vectors of one batch, ``[texts, d_model]``, with gradient.

        Args:
            texts: token ids without special tokens; the batch is padded on the right.
        """
        states, mask = self._states(texts)
        return self._pool(states, mask)

    def _states(self, texts: Ids) -> tuple[Tensor, Tensor]:
        """Return the last hidden states of one batch in float32, ``[texts, seq, d_model]``, and its mask."""
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
        return states.float(), mask

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
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
        vectors: dict[int, NDArray[np.float32]] = {}
        for batch in self._batches(texts):
            vectors |= zip(batch, self.pooled([texts[number] for number in batch]).cpu().numpy(), strict=True)
        return np.stack([vectors[number] for number in range(len(texts))])

    @torch.no_grad()
    def embed_late(
        self, texts: Ids, lengths: Sequence[int]
    ) -> tuple[NDArray[np.float32], dict[int, list[NDArray[np.float32]]]]:
        """Return the vectors of whole texts, and of their chunks by late chunking, from one pass.

        A late chunk's vector is the mean of the states that its tokens have in the whole text. Special tokens belong to
        the first and the last chunk, so the one chunk of a short text is the text.

        Args:
            texts: token ids without special tokens.
            lengths: tokens per chunk, as many special ones included as around a text.

        Returns:
            Unit vectors ``[texts, d_model]``, the same as :meth:`embed` gives; and for each length a list with the
            unit vectors ``[chunks, d_model]`` of each text.

        Source:
            Günther et al. 2024, Late Chunking: Contextual Chunk Embeddings, arXiv:2409.04701.
        """
        vectors: dict[int, NDArray[np.float32]] = {}
        late: dict[int, dict[int, NDArray[np.float32]]] = {length: {} for length in lengths}
        for batch in self._batches(texts):
            states, mask = self._states([texts[number] for number in batch])
            vectors |= zip(batch, self._pool(states, mask).cpu().numpy(), strict=True)
            for number, own in zip(batch, states.cpu().numpy(), strict=True):
                for length, found in late.items():
                    found[number] = self._chunk_means(own, len(texts[number]), length)
        count = range(len(texts))
        return (
            np.stack([vectors[number] for number in count]),
            {length: [found[number] for number in count] for length, found in late.items()},
        )

    def _chunk_means(self, states: NDArray[np.float32], tokens: int, length: int) -> NDArray[np.float32]:
        whole = len(self.prefix) + tokens + len(self.suffix)
        starts = [len(self.prefix) + at for at in range(0, max(tokens, 1), length - self.special)]
        bounds = [0, *starts[1:], whole]
        means = np.stack([states[begin:end].mean(axis=0) for begin, end in pairwise(bounds)])
        return unit(means)

    def _batches(self, texts: Ids) -> Iterator[list[int]]:
        """Yield the numbers of texts that go through the model together, those of similar length."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        while order:
            width = len(texts[order[-1]]) + self.special
            yield [order.pop() for _ in range(min(len(order), max(1, TOKENS_PER_BATCH // width)))]

    def embed_truncated(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the vectors of texts cut to ``length`` tokens, special tokens included: what happens by default."""
        return self.embed([text[: length - self.special] for text in texts])

    def embed_chunked(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the normalized mean of the vectors of each text's chunks of ``length`` tokens."""
        chunks = self.cut(texts, length)
        vectors = self.embed([chunk for parts in chunks for chunk in parts])
        ends = np.cumsum([len(parts) for parts in chunks])[:-1]
        return unit(np.stack([part.mean(axis=0) for part in np.split(vectors, ends)]))

    def cut(self, texts: Ids, length: int) -> list[list[Sequence[int]]]:
        """Return each text's chunks of ``length`` tokens, special tokens included; an empty text has one."""
        body = length - self.special
        return [[text[at : at + body] for at in range(0, max(len(text), 1), body)] for text in texts]


Floats = TypeVar("Floats", np.float32, np.float64)


def unit(vectors: NDArray[Floats]) -> NDArray[Floats]:
    """Return vectors of length 1; a vector of zeros stays one.

    Example:
        >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=vectors.dtype)
