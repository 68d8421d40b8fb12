"""Training documents of embedding models: long, nearly identical ones, each with a query for what differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError
from posembed.quality.calibrate.sentences import facts, filler
from posembed.quality.tasks.haystack import window
from posembed.quality.tasks.names import FILLERS

Tokens = NDArray[np.int64]
Group = tuple[list[list[int]], list[list[int]]]
# Hidden words must differ by their meaning: no numbers, no abbreviations, nothing that a tokenizer cuts into letters.
_WORD = re.compile(r"[^\W\d_]{4,12}")
_MOST_WORD_TOKENS = 8
# Below this a haystack repeats itself, and a word that is hidden is hardly one of many.
_LEAST_TOKENS, _LEAST_WORDS = 2048, 100
# Shares of the haystacks: made sentences, a few words of the text again and again; the rest is running text. What a
# table learns depends on what surrounds the evidence; found by trial on validation documents (docs/measured/
# calibration.md).
_MADE, _REPEATED = 0.7, 0.2
_REPEATED_TOKENS = (12, 80)  # of the words that are repeated, from and below
_PASSAGE_TOKENS = (8, 33)  # of the passage into which words are put, from and below
_QUESTION_TOKENS = (3, 10)  # of the text around a query's words, from and below
_MOST_KEYS, _MOST_MENTIONS = 2, 2  # words that are hidden, and times that they stand in the passage
# Queries are below this, as those of retrieval benchmarks mostly are; a table that keeps as many rows embeds them as
# before. A model adds up to _SPECIAL tokens of its own.
LONGEST_QUERY, _SPECIAL = 64, 4


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
        self.words = [word for word in words if len(encode(word)) <= _MOST_WORD_TOKENS]
        if len(self.tokens) < _LEAST_TOKENS or len(self.words) < _LEAST_WORDS:
            name = {"train": "training"}.get(split, split)
            raise DataError(
                f"the {name} texts have {len(self.tokens):,} tokens and {len(self.words)} different words, at least "
                f"{_LEAST_TOKENS:,} and {_LEAST_WORDS} are needed: give more text with `data`"
            )

    def group(self, count: int, size: int, share: float, rng: np.random.Generator, known: int | None = None) -> Group:
        """Return documents of ``size`` tokens that share one haystack, and a query for each.

        Args:
            count: number of documents.
            size: tokens of a document.
            share: chance that the group hides facts; otherwise it hides words in a passage.
            rng: random numbers.
            known: number of the evaluation's validation filler to use as the haystack, in place of a random one.
        """
        haystack = self._haystack(size, rng)
        if known is not None:
            fillers = FILLERS["validation"]
            haystack = np.resize(np.asarray(self.encode(fillers[known % len(fillers)]), dtype=np.int64), size)
        hidden, queries = self._facts(count, rng) if rng.random() < share else self._words(count, rng)
        documents = []
        for evidence in hidden:
            part = evidence[:size]
            at = int(rng.integers(0, size - len(part) + 1))
            documents.append([*haystack[:at].tolist(), *part, *haystack[at : size - len(part)].tolist()])
        return documents, queries

    def _haystack(self, size: int, rng: np.random.Generator) -> Tokens:
        share = rng.random()
        if share < _MADE:
            sentences = self.encode(filler(lambda: self._word(rng).lower(), rng))
            return np.resize(np.asarray(sentences, dtype=np.int64), size)
        if share < _MADE + _REPEATED:
            return np.resize(window(self.tokens, int(rng.integers(*_REPEATED_TOKENS)), rng), size)
        return window(self.tokens, size, rng)

    def _facts(self, count: int, rng: np.random.Generator) -> Group:
        """Return a sentence or two about somebody, and the question that they answer."""
        pairs = facts(count, self.split, lambda: self._word(rng).lower(), rng)
        questions = [self.encode(question) for _, question in pairs]
        if max(map(len, questions)) > LONGEST_QUERY - _SPECIAL:
            return self._words(count, rng)  # a tokenizer to which English is foreign
        return [self.encode(evidence) for evidence, _ in pairs], questions

    def _words(self, count: int, rng: np.random.Generator) -> Group:
        """Return one passage of text with other words put into each copy; the query is other text with those words."""
        passage = window(self.tokens, int(rng.integers(*_PASSAGE_TOKENS)), rng).tolist()
        question = window(self.tokens, int(rng.integers(*_QUESTION_TOKENS)), rng).tolist()
        number, mentions = int(rng.integers(1, _MOST_KEYS + 1)), int(rng.integers(1, _MOST_MENTIONS + 1))
        places = sorted(rng.integers(0, len(passage) + 1, mentions).tolist(), reverse=True)
        begin = int(rng.integers(0, len(question) + 1))
        hidden, queries = [], []
        for _ in range(count):
            key = [token for _ in range(number) for token in self.encode(self._word(rng))]
            evidence = list(passage)
            for place in places:
                evidence[place:place] = key
            hidden.append(evidence)
            queries.append([*question[:begin], *key, *question[begin:]])
        return hidden, queries

    def _word(self, rng: np.random.Generator) -> str:
        return self.words[int(rng.integers(len(self.words)))]
