"""Embed token ids with a sentence-embedding model: whole, truncated, as the average of chunks, or by late chunking."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.quality.models.head import Head, PlainHead, States
from posembed.quality.models.memory import BatchSize, device_of
from posembed.quality.models.padding import padded
from posembed.quality.models.prompts import NO_PROMPTS, Prompts, PromptTokens
from posembed.quality.models.rows import Floats, join_rows, mean_rows, split_rows, unit
from posembed.quality.models.similarity import Similarity
from posembed.tokenizing import special_tokens

Ids = Sequence[Sequence[int]]


class Embedder:
    """Embed token ids with a Transformers model and what makes a vector of its states.

    Every text is a document, or a query where a method says so; each side has its prompt.

    Args:
        model: a Transformers model.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        head: what makes one vector of the states of a text's tokens; by default their mean.
        precision: ``"bf16"`` or ``"fp32"``.
        stored_limit: tokens at which the model's files say that inputs are cut, special ones included.
        prompts: text before queries and documents.
        similarity: how vectors are compared: by ``"cosine"`` all vectors are made unit vectors, by ``"dot"`` none is.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        head: Head | None = None,
        precision: str = "fp32",
        stored_limit: int | None = None,
        prompts: Prompts = NO_PROMPTS,
        similarity: Similarity = "cosine",
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.head: Head = PlainHead() if head is None else head
        self.precision = precision
        self.stored_limit = stored_limit
        self.prompts = prompts
        self.similarity = similarity
        self._batch = self.batch_size()
        self.prefix, self.suffix = special_tokens(tokenizer)
        self._query, self._document = (PromptTokens(text, tokenizer) for text in (prompts.query, prompts.document))

    @property
    def pooling(self) -> str:
        """Everything beside the model and its tokenizer that decides the vectors, in words."""
        return f"{self.head.name}, {self.prompts}" if self.prompts else self.head.name

    @property
    def special(self) -> int:
        """Number of tokens around a document, at most: special ones, and those of its prompt."""
        return len(self.prefix) + self._document.size + len(self.suffix)

    @property
    def query_special(self) -> int:
        """Number of tokens around a query, at most: special ones, and those of its prompt."""
        return len(self.prefix) + self._query.size + len(self.suffix)

    def in_float32(self) -> Embedder:
        """Return an embedder with the same model that computes in float32."""
        return self.with_model(self.model, "fp32")

    def with_model(self, model: Any, precision: str) -> Embedder:
        """Return an embedder that calls another model, such as one whose table is passed in, and is the same else."""
        other = copy.copy(self)
        other.model, other.precision = model.eval(), precision
        other._batch = other.batch_size()
        return other

    def by_cosine(self) -> Embedder:
        """Return an embedder with the same model that gives unit vectors, however they are to be compared."""
        other = copy.copy(self)
        other.similarity = "cosine"
        return other

    def batch_size(self) -> BatchSize:
        """Return how much goes through the model at once."""
        return BatchSize(self.model)

    def kept(self, vectors: Tensor) -> NDArray[np.float32]:
        """Return the vectors of a batch, ``[texts, d]``, as they are kept."""
        return np.asarray(vectors.cpu().numpy(), dtype=np.float32)

    def scaled(self, vectors: NDArray[Floats]) -> NDArray[Floats]:
        """Return vectors ``[texts, d]`` as they are compared: of length 1, or for dot products as they are."""
        return unit(vectors) if self.similarity == "cosine" else vectors

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
        """Whether part of an input has a vector of its own; a first token has no parts."""
        return self.head.has_late_chunks

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

    def pooled(self, texts: Ids, *, queries: bool = False) -> Tensor:
        """Return the vectors of one batch, ``[texts, d]``, with gradient.

        Args:
            texts: token ids without special tokens and prompt; the batch is padded on the right.
            queries: whether they are queries, not documents.
        """
        return self._vectors(self._states(texts, self._query if queries else self._document))

    def pooled_with_tokens(self, texts: Ids) -> tuple[Tensor, list[Tensor]]:
        """Return the vectors of one batch of documents, and the states of each one's own tokens, with gradient.

        Special tokens and those of the prompt are not among them.

        Args:
            texts: token ids without special tokens and prompt.

        Returns:
            Vectors ``[texts, d]``, and for each text its states ``[tokens, d_model]``.
        """
        states = self._states(texts, self._document)
        ends = (states.mask.sum(1) - len(self.suffix)).tolist()
        own = [each[end - len(text) : end] for each, text, end in zip(states.tokens, texts, ends, strict=True)]
        return self._vectors(states), own

    def _states(self, texts: Ids, prompt: PromptTokens) -> States:
        """Return the states of one batch in float32."""
        rows = [[*self.prefix, *prompt.before(text), *self.suffix] for text in texts]
        ids, mask = padded(rows)
        device = device_of(self.model)
        ids, mask = ids.to(device), mask.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            output = self.model(input_ids=ids, attention_mask=mask, **self.head.arguments)
        states, more = self.head.read(output)
        return States(states.float(), mask, ids, prompt.reach, more)

    def _vectors(self, states: States) -> Tensor:
        vectors = self.head.vectors(states)
        return torch.nn.functional.normalize(vectors, dim=-1) if self.similarity == "cosine" else vectors

    @torch.no_grad()
    def embed(self, texts: Ids, *, queries: bool = False) -> NDArray[np.float32]:
        """Return the vectors of any number of texts, ``[texts, d]``, in their order.

        Texts of similar length share a batch.

        Args:
            texts: token ids without special tokens and prompt.
            queries: whether they are queries, not documents.
        """
        vectors: dict[int, NDArray[np.float32]] = {}

        def read(batch: list[int]) -> None:
            found = self.kept(self.pooled([texts[number] for number in batch], queries=queries))
            vectors.update(zip(batch, split_rows(found, [1] * len(batch)), strict=True))

        self._in_batches(texts, read)
        joined: NDArray[np.float32] = join_rows([vectors[number] for number in range(len(texts))])
        return joined

    @torch.no_grad()
    def embed_with_tokens(self, texts: Ids) -> tuple[NDArray[np.float32], list[Tensor]]:
        """Return the vectors of any number of documents, ``[texts, d]``, and the states of each one's own tokens.

        Args:
            texts: token ids without special tokens and prompt.
        """
        vectors: dict[int, NDArray[np.float32]] = {}
        tokens: dict[int, Tensor] = {}

        def read(batch: list[int]) -> None:
            found, own = self.pooled_with_tokens([texts[number] for number in batch])
            vectors.update(zip(batch, found.cpu().numpy(), strict=True))
            tokens.update(zip(batch, own, strict=True))

        self._in_batches(texts, read)
        count = range(len(texts))
        return np.stack([vectors[number] for number in count]), [tokens[number] for number in count]

    @torch.no_grad()
    def embed_late(
        self, texts: Ids, lengths: Sequence[int]
    ) -> tuple[NDArray[np.float32], dict[int, list[NDArray[np.float32]]]]:
        """Return the vectors of whole texts, and of their chunks by late chunking, from one pass.

        A late chunk's vector is made of the states that its tokens have in the whole document, such as their mean.
        Special tokens and the prompt belong to the first and the last chunk, so the one chunk of a short text is the
        text.

        Args:
            texts: documents: token ids without special tokens and prompt.
            lengths: tokens per chunk, as many special ones included as around a text.

        Returns:
            Vectors ``[texts, d]``, the same as :meth:`embed` gives; and for each length a list with the
            vectors ``[chunks, d]`` of each text.

        Source:
            Günther et al. 2024, Late Chunking: Contextual Chunk Embeddings, arXiv:2409.04701.
        """
        vectors: dict[int, NDArray[np.float32]] = {}
        late: dict[int, dict[int, NDArray[np.float32]]] = {length: {} for length in lengths}

        def read(batch: list[int]) -> None:
            states = self._states([texts[number] for number in batch], self._document)
            found = self.kept(self._vectors(states))
            vectors.update(zip(batch, split_rows(found, [1] * len(batch)), strict=True))
            for row, number in enumerate(batch):
                own = states.tokens[row, : int(states.mask[row].sum())]
                for length, chunks in late.items():
                    chunks[number] = self._late_chunks(own, length)

        self._in_batches(texts, read)
        count = range(len(texts))
        return (
            join_rows([vectors[number] for number in count]),
            {length: [found[number] for number in count] for length, found in late.items()},
        )

    def _late_chunks(self, states: Tensor, length: int) -> NDArray[np.float32]:
        """Return the vectors ``[chunks, d]`` of one document's states ``[seq, d_model]``."""
        body, whole = length - self.special, len(states)
        begin = min(self._document.reach, whole - 1) if self.head.without_prompt else 0
        first = len(self.prefix) + len(self._document.ids) + body
        bounds = [begin, *range(first, whole - len(self.suffix), body), whole]
        parts = [states[one:other] for one, other in pairwise(bounds)]
        tokens = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        lengths = torch.tensor([len(part) for part in parts], device=states.device)
        mask = (torch.arange(tokens.shape[1], device=states.device) < lengths[:, None]).long()
        return self.kept(self._vectors(States(tokens, mask, torch.zeros_like(mask))))

    def _in_batches(self, texts: Ids, read: Callable[[list[int]], None]) -> None:
        """Read texts, those of similar length together, given the numbers of each batch's texts."""
        self._batch.batches([len(text) + self.special for text in texts], read)

    def embed_truncated(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the vectors of texts cut to ``length`` tokens, special tokens included: what happens by default."""
        return self.embed([text[: length - self.special] for text in texts])

    def embed_chunked(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the mean of the vectors of each text's chunks of ``length`` tokens."""
        return self.embed_chunks(texts, length)[0]

    def embed_chunks(self, texts: Ids, length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what :meth:`embed_chunked` and :meth:`embed_truncated` give for one length, from one pass.

        Args:
            texts: token ids without special tokens and prompt.
            length: tokens per chunk, special ones included; a truncated text is its first chunk.
        """
        chunks = self.cut(texts, length)
        vectors = self.embed([chunk for parts in chunks for chunk in parts])
        first = np.cumsum([0, *(len(parts) for parts in chunks[:-1])])
        return self.means(vectors, chunks), vectors[first]

    def means(self, vectors: NDArray[np.float32], chunks: Sequence[Ids]) -> NDArray[np.float32]:
        """Return the mean of the vectors of each text's chunks, given those of all chunks, ``[chunks, d]``."""
        return self.scaled(mean_rows(vectors, [len(parts) for parts in chunks]))

    def cut(self, texts: Ids, length: int) -> list[list[Sequence[int]]]:
        """Return each text's chunks of ``length`` tokens, special tokens included; an empty text has one."""
        body = length - self.special
        return [[text[at : at + body] for at in range(0, max(len(text), 1), body)] for text in texts]
