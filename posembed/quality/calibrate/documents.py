"""Training documents of embedding models: long ones that little tells apart, each with a query for that little."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError
from posembed.quality.calibrate.sentences import facts, filler
from posembed.quality.tasks.names import FILLERS
from posembed.quality.tasks.retrieval_set import window

Tokens = NDArray[np.int64]
Group = tuple[list[list[int]], list[list[int]]]
_WORD = re.compile(r"[^\W\d_]{4,12}")
_LONGEST_WORD = 8  # tokens
_LEAST, _PASSAGE = 2048, 32
_MADE, _REPEATED = 0.7, 0.2  # of the haystacks are made sentences, and a few words of the text, again and again
LONGEST_QUERY, _SPECIAL = 64, 4  # tokens of a query in all, and those of it that a model may add


class Source:
    """Texts as one row of tokens, their words, and documents made from both.

    Args:
        texts: of one split.
        encode: text to token ids, without special tokens.
        split: ``"train"`` or ``"validation"``: whose facts are used.

    Raises:
        DataError: if the texts are too short.
    """

    def __init__(self, texts: Sequence[str], encode: Callable[[str], list[int]], split: str) -> None:
        rows = [np.asarray(encode(text), dtype=np.int64) for text in texts]
        self.tokens = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        self.encode, self.split = encode, split
        words: list[str] = sorted({word for text in texts for word in _WORD.findall(text)})
        self.words = [word for word in words if len(encode(word)) <= _LONGEST_WORD]
        if len(self.tokens) < _LEAST or len(self.words) < 100:
            name = {"train": "training"}.get(split, split)
            raise DataError(
                f"the {name} texts have {len(self.tokens):,} tokens and {len(self.words)} different words, at least "
                f"{_LEAST:,} and 100 are needed: give more text with --data"
            )

    def group(self, count: int, size: int, share: float, draw: np.random.Generator, known: int | None = None) -> Group:
        """Documents of ``size`` tokens that share one haystack, with a query each.

        Args:
            count: how many.
            size: tokens of a document.
            share: of the groups hide facts, the others words in a passage.
            draw: random numbers.
            known: which of the evaluation's validation fillers is the haystack, in place of a drawn one.
        """
        haystack = self._haystack(size, draw)
        if known is not None:
            fillers = FILLERS["validation"]
            haystack = np.resize(np.asarray(self.encode(fillers[known % len(fillers)]), dtype=np.int64), size)
        hidden, queries = self._facts(count, draw) if draw.random() < share else self._words(count, draw)
        documents = []
        for evidence in hidden:
            part = evidence[:size]
            at = int(draw.integers(0, size - len(part) + 1))
            documents.append([*haystack[:at].tolist(), *part, *haystack[at : size - len(part)].tolist()])
        return documents, queries

    def _haystack(self, size: int, draw: np.random.Generator) -> Tokens:
        kind = draw.random()
        if kind < _MADE:
            said = self.encode(filler(lambda: self._word(draw).lower(), draw))
            return np.resize(np.asarray(said, dtype=np.int64), size)
        if kind < _MADE + _REPEATED:
            return np.resize(window(self.tokens, int(draw.integers(12, 80)), draw), size)
        return window(self.tokens, size, draw)

    def _facts(self, count: int, draw: np.random.Generator) -> Group:
        """A sentence or two about somebody, and the question that it answers."""
        said = facts(count, self.split, lambda: self._word(draw).lower(), draw)
        questions = [self.encode(question) for _, question in said]
        if max(map(len, questions)) > LONGEST_QUERY - _SPECIAL:
            return self._words(count, draw)  # a tokenizer to which English is foreign
        return [self.encode(evidence) for evidence, _ in said], questions

    def _words(self, count: int, draw: np.random.Generator) -> Group:
        """One passage of text with one or two words put into it; the query is other text with the same words."""
        passage = window(self.tokens, int(draw.integers(_PASSAGE // 4, _PASSAGE + 1)), draw).tolist()
        question = window(self.tokens, int(draw.integers(3, 10)), draw).tolist()
        number, mentions = int(draw.integers(1, 3)), int(draw.integers(1, 3))
        places = sorted(draw.integers(0, len(passage) + 1, mentions).tolist(), reverse=True)
        begin = int(draw.integers(0, len(question) + 1))
        hidden, queries = [], []
        for _ in range(count):
            key = [token for _ in range(number) for token in self.encode(self._word(draw))]
            evidence = list(passage)
            for place in places:
                evidence[place:place] = key
            hidden.append(evidence)
            queries.append([*question[:begin], *key, *question[begin:]])
        return hidden, queries

    def _word(self, draw: np.random.Generator) -> str:
        return self.words[int(draw.integers(len(self.words)))]
