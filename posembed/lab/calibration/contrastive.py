"""What an embedding model's table is calibrated for: a long document must be found by the little that tells it apart.

All documents of a batch share one haystack of the user's own text, and in it one passage, so nothing can tell them
apart but a word or two within the passage; the query is other text with the same words. Queries are short: rows that
stay as they are embed them, where enough stay. Different passages, with parts of them as queries, were tried in place
of words and mixed with them: on validation documents, what was not trained on was then found less often.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from posembed.errors import DataError
from posembed.lab.calibration.config import CalibrationConfig
from posembed.lab.calibration.frozen import FrozenModel
from posembed.lab.calibration.table import CalibratedTable
from posembed.lab.evaluation.embedder import Embedder
from posembed.lab.evaluation.tasks import generator

Tokens = NDArray[np.int64]
Batch = tuple[list[list[int]], list[list[int]]]
_TEMPERATURE = 0.05  # of sentence-transformers' own losses: a scale of 20
_WORD = re.compile(r"[^\W\d_]{4,14}")
_PASSAGE, _LEAST, _SHORTEST = 32, 2048, 512
LONGEST_QUERY = 64  # tokens: a question of at most 9, two words of at most 14 letters, special tokens
_REPEATED = 0.7  # of the haystacks are a few words again and again, the others are running text


class Contrastive:
    """Cross-entropy of each query's own document among the batch's, and of each document's own query.

    Args:
        embedder: of a :class:`FrozenModel`.
        config: of the calibration.
        old: a table, ``[rows, d_model]``, whose first rows are the source's: it embeds the queries, unless the
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
        at_once: int = 1,
    ) -> None:
        self.embedder, self.config, self.old = embedder, config, old
        self.model: FrozenModel = embedder.model
        self.at_once = max(1, at_once)
        self.train = _Source(train, embedder.encode, "training")
        held_out = _Source(validation, embedder.encode, "validation")
        draw = generator("calibrate", "validation", config.document, config.seed)
        self.lengths = document_lengths(config)
        batches = max(2, config.held_out // config.batch)
        sizes = [self.lengths[number % len(self.lengths)] - embedder.special for number in range(batches)]
        self.held_out = [held_out.batch(config.batch, size, draw) for size in sizes]
        self.wanted = (
            [] if config.queries_trained else [self._read_by(self.old, queries) for _, queries in self.held_out]
        )

    def batch(self, step: int) -> Batch:
        """Documents and queries of a step, by its number alone."""
        draw, length = self._length(step)
        return self.train.batch(self.config.batch, length - self.embedder.special, draw)

    def tokens(self, step: int) -> int:
        """Tokens of a step's documents, special tokens included."""
        return self.config.batch * self._length(step)[1]

    def _length(self, step: int) -> tuple[np.random.Generator, int]:
        """A step's random numbers, and the length of its documents, which is the first of them."""
        draw = generator("calibrate", "step", step, self.config.seed)
        # As many tokens go into each length: short documents are cheap, and what they teach holds for long ones.
        return draw, int(draw.choice(self.lengths, p=_even_tokens(self.lengths)))

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Gradients of one step's loss.

        Where the batch does not fit into memory, documents are embedded twice, a few at a time: first without a
        gradient, then with the gradient that the loss has for their vectors (Gao et al. 2021, arXiv:2101.06983).
        """
        documents, queries = self.batch(step)
        weight = table()
        leaf = weight.detach().requires_grad_()
        if self.config.queries_trained:
            with self.model.reading(leaf):
                wanted = self.embedder.pooled(queries)
        else:
            wanted = self._read_by(self.old, queries)
        parts = [documents[at : at + self.at_once] for at in range(0, len(documents), self.at_once)]
        if len(parts) == 1:
            with self.model.reading(leaf):
                loss = contrastive_loss(wanted, self.embedder.pooled(documents))
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            with torch.no_grad(), self.model.reading(leaf):
                vectors = torch.cat([self.embedder.pooled(part) for part in parts])
            vectors.requires_grad_()
            loss = contrastive_loss(wanted, vectors)
            loss.backward()  # type: ignore[no-untyped-call]
            assert vectors.grad is not None
            for part, gradient in zip(parts, vectors.grad.split(self.at_once), strict=True):  # type: ignore[no-untyped-call]
                with self.model.reading(leaf):
                    self.embedder.pooled(part).backward(gradient)  # type: ignore[no-untyped-call]
        weight.backward(leaf.grad)
        return loss.item()

    def validate(self, table: Tensor) -> float:
        """Mean loss of the held-out batches."""
        losses = []
        for number, (documents, queries) in enumerate(self.held_out):
            wanted = self._read_by(table, queries) if self.config.queries_trained else self.wanted[number]
            losses.append(contrastive_loss(wanted, self._read_by(table, documents)).item())
        return sum(losses) / len(losses)

    def _read_by(self, table: Tensor, texts: list[list[int]]) -> Tensor:
        with self.model.reading(table):
            return torch.from_numpy(self.embedder.embed(texts)).to(table.device)


def contrastive_loss(queries: Tensor, documents: Tensor) -> Tensor:
    """Of unit vectors ``[batch, d_model]``: query ``i`` and document ``i`` belong together, in both directions.

    Example:
        >>> round(contrastive_loss(torch.eye(2), torch.eye(2)).item(), 6)
        0.0
    """
    scores = queries @ documents.T / _TEMPERATURE
    own = torch.arange(len(queries), device=scores.device)
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


def document_lengths(config: CalibrationConfig) -> list[int]:
    """The longest training document, halved for as long as it is above 512 tokens and reads rows that are trained.

    Example:
        >>> sizes = {"length": 4096, "keep": 128, "above": 128, "period": 128, "document": 2048}
        >>> config = CalibrationConfig("embedding", "stdlib", **sizes)
        >>> document_lengths(config)
        [2048, 1024, 512]
    """
    lengths = [config.document]
    while lengths[-1] >= 2 * _SHORTEST and lengths[-1] // 2 > max(config.keep, config.above):
        lengths.append(lengths[-1] // 2)
    return lengths


def _even_tokens(lengths: Sequence[int]) -> NDArray[np.float64]:
    """Chances that give every length as many tokens in the long run."""
    inverse = 1 / np.asarray(lengths, dtype=np.float64)
    return np.asarray(inverse / inverse.sum())


class _Source:
    """Texts as one row of tokens, and their words."""

    def __init__(self, texts: Sequence[str], encode: Callable[[str], list[int]], name: str) -> None:
        rows = [np.asarray(encode(text), dtype=np.int64) for text in texts]
        self.tokens = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        words = sorted({word for text in texts for word in _WORD.findall(text)})
        self.words = [encode(word) for word in words]
        if len(self.tokens) < _LEAST or len(words) < 100:
            raise DataError(
                f"the {name} texts have {len(self.tokens):,} tokens and {len(words)} different words, at least "
                f"{_LEAST:,} and 100 are needed: give more text with --data"
            )

    def batch(self, count: int, size: int, draw: np.random.Generator) -> Batch:
        """Documents of ``size`` tokens with a query each."""
        again = draw.random() < _REPEATED
        haystack = np.resize(self._window(int(draw.integers(12, 80)), draw), size)
        haystack = haystack if again else self._window(size, draw)
        passage = self._window(int(draw.integers(_PASSAGE // 4, _PASSAGE + 1)), draw).tolist()
        question = self._window(int(draw.integers(3, 10)), draw).tolist()
        number, mentions = int(draw.integers(1, 3)), int(draw.integers(1, 3))
        places = sorted(draw.integers(0, len(passage) + 1, mentions).tolist(), reverse=True)
        begin = int(draw.integers(0, len(question) + 1))
        documents, queries = [], []
        for _ in range(count):
            key = [token for word in draw.integers(0, len(self.words), number) for token in self.words[word]]
            hidden = list(passage)
            for place in places:
                hidden[place:place] = key
            hidden = hidden[:size]
            at = int(draw.integers(0, size - len(hidden) + 1))
            documents.append([*haystack[:at].tolist(), *hidden, *haystack[at : size - len(hidden)].tolist()])
            queries.append([*question[:begin], *key, *question[begin:]])
        return documents, queries

    def _window(self, length: int, draw: np.random.Generator) -> Tokens:
        """So many tokens from a random place on, beginning again where the text ends."""
        return self.tokens[(int(draw.integers(len(self.tokens))) + np.arange(length)) % len(self.tokens)]
