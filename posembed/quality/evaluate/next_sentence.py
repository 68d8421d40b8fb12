"""Which of eight sentences goes on with a long text? A task for language models whose evidence lies far back.

The true continuation is told from sentences of the same document, or of its neighbors, by its likelihood. Some of its
rare words stand in the part of the context that the original's input does not reach, and nowhere nearer.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from posembed.quality.documents.sentences import is_prose, spans
from posembed.quality.rng import generator

# Sentences to choose from: by chance one choice in eight is right.
OPTIONS = 8
# Tokens of a sentence that are scored; shorter ones are left out. All options have equally many, so that no likelihood
# depends on a length, and a dozen tokens are half a sentence.
TOKENS = 12
# Tokens of the true sentence that stand in the far part of the context alone: one may be there by chance.
LEAST_EVIDENCE = 2
# Share of the documents in which a token that counts as evidence occurs at most: others say nothing about this one.
RARE = 0.25

Tokenize = Callable[[str], tuple[list[int], list[tuple[int, int]]]]
"""Text to token ids, and the characters of each."""


@dataclass(frozen=True)
class Choice:
    """One question.

    Attributes:
        context: token ids; with an option they have the length of the set.
        options: continuations of :data:`TOKENS` tokens each.
        answer: number of the true one.
    """

    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    answer: int


@dataclass(frozen=True)
class TokenizedText:
    """A document in tokens, with its sentences.

    Attributes:
        ids: token ids.
        sentences: tokens at which sentences of prose begin that have at least :data:`TOKENS` tokens, in order.
    """

    ids: tuple[int, ...]
    sentences: tuple[int, ...]

    @classmethod
    def of(cls, text: str, tokenize: Tokenize) -> TokenizedText:
        """Tokenize a document, and find where its sentences begin."""
        ids, places = tokenize(text)
        begins = np.array([begin for begin, _ in places], dtype=np.int64)
        ends = np.array([end for _, end in places], dtype=np.int64)
        found = []
        for begin, end in spans(text):
            if not is_prose(text[begin:end]):
                continue
            first = int(np.searchsorted(ends, begin, side="right"))  # the first token that reaches into the sentence
            after = int(np.searchsorted(begins, end))
            if after - first >= TOKENS:
                found.append(first)
        return cls(tuple(ids), tuple(found))

    def option(self, begin: int) -> tuple[int, ...]:
        """Return the first tokens of a sentence."""
        return self.ids[begin : begin + TOKENS]


def make_choices(
    texts: Sequence[TokenizedText], length: int, window: int, count: int, split: str, seed: int
) -> tuple[Choice, ...]:
    """Return at most one question of each document that is long enough.

    Of the sentences of a document, that one is asked for of which most rare tokens stand in the far part of its context
    and not in the near one. The others come from after it, from before its context, then from the documents beside it.

    Args:
        texts: documents in the order of the set.
        length: tokens of the context and an option.
        window: tokens that the original takes: context that is further back is far.
        count: number of questions at most.
        split: name of the set that the documents are from.
        seed: random seed.
    """
    frequency = Counter(token for text in texts for token in set(text.ids))
    rare = {token for token, documents in frequency.items() if documents <= max(1.0, RARE * len(texts))}
    rng = generator("next sentence", split, length, seed)
    found: list[Choice] = []
    for number in rng.permutation(len(texts)).tolist():
        if len(found) == count:
            break
        text = texts[number]
        begin = _best_sentence(text, length, window, rare)
        if begin is None:
            continue
        options = _options(texts, number, begin, length)
        if len(options) < OPTIONS:
            continue
        answer = int(rng.integers(OPTIONS))
        placed = [*options[1 : answer + 1], options[0], *options[answer + 1 :]]
        found.append(Choice(text.ids[begin + TOKENS - length : begin], tuple(placed), answer))
    return tuple(found)


def _best_sentence(text: TokenizedText, length: int, window: int, rare: set[int]) -> int | None:
    """Return where the sentence with most far evidence begins; of equal ones the first."""
    places: dict[int, list[int]] = {}
    for place, token in enumerate(text.ids):
        if token in rare:
            places.setdefault(token, []).append(place)
    best, most = None, LEAST_EVIDENCE - 1
    for begin in text.sentences:
        first, near = begin + TOKENS - length, begin + TOKENS - window
        if first < 0:
            continue
        evidence = sum(
            first <= _before(places[token], begin) < near for token in set(text.option(begin)) & places.keys()
        )
        if evidence > most:
            best, most = begin, evidence
    return best


def _before(places: Sequence[int], end: int) -> int:
    """Return the last of some rising places before ``end``; −1 if there is none."""
    at = bisect_left(places, end)
    return places[at - 1] if at else -1


def _options(texts: Sequence[TokenizedText], number: int, begin: int, length: int) -> list[tuple[int, ...]]:
    """Return the true sentence and seven others; fewer if the documents around have not as many."""
    text = texts[number]
    first = begin + TOKENS - length
    found = {text.option(begin): None}
    near = [place for place in text.sentences if place >= begin + TOKENS or place + TOKENS <= first]
    near.sort(key=lambda place: abs(place - begin))
    for option in (*map(text.option, near), *_of_neighbors(texts, number)):
        if len(found) == OPTIONS:
            break
        found.setdefault(option)
    return list(found)


def _of_neighbors(texts: Sequence[TokenizedText], number: int) -> Iterator[tuple[int, ...]]:
    for distance in range(1, len(texts)):
        for place in (number - distance, number + distance):
            if 0 <= place < len(texts):
                yield from map(texts[place].option, texts[place].sentences)


@dataclass(frozen=True)
class Questions:
    """Where the questions of an evaluation come from.

    Args:
        texts: documents.
        tokenize: text to token ids, and the characters of each.
        one_file: whether the documents are pieces of one text.
    """

    texts: Sequence[str]
    tokenize: Tokenize
    one_file: bool = False

    def make(self, length: int, window: int, count: int, split: str, seed: int) -> tuple[Choice, ...]:
        """Return the questions of a length, see :func:`make_choices`."""
        texts = self._whole if not self.one_file else [self._of(text) for text in self._joined(length)]
        return make_choices(texts, length, window, count, split, seed)

    @functools.cached_property
    def _whole(self) -> list[TokenizedText]:
        return [self._of(text) for text in self.texts]

    def _of(self, text: str) -> TokenizedText:
        return TokenizedText.of(text, self.tokenize)

    def _joined(self, length: int) -> Iterator[str]:
        """Join pieces of one text until each has twice the tokens: room for sentences that follow a whole context."""
        parts: list[str] = []
        tokens = 0
        for text in self.texts:
            parts.append(text)
            tokens += len(self.tokenize(text)[0])
            if tokens >= 2 * length:
                yield "".join(parts)
                parts, tokens = [], 0
        yield "".join(parts)
