"""A tokenizer that belongs to no model: words between spaces, so that the same documents are made for every model."""

from __future__ import annotations

from collections.abc import Iterable


class Words:
    """Words as token ids, numbered as they are met.

    Example:
        >>> words = Words()
        >>> words.encode("a cat and a dog")
        [0, 1, 2, 0, 3]
        >>> words.decode([3, 2, 1])
        'dog and cat'
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: list[str] = []

    def encode(self, text: str) -> list[int]:
        """Return the number of each word of a text."""
        found = []
        for word in text.split():
            number = self._ids.setdefault(word, len(self._words))
            if number == len(self._words):
                self._words.append(word)
            found.append(number)
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words with one space between them."""
        return " ".join(self._words[number] for number in ids)
