"""Cut real documents to a length, and take out of each what its queries ask with.

From every document the title, one section's heading with its first sentence, and one more sentence are taken out at
once. So the tasks of one length share their documents, and each is embedded once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from posembed.quality.documents.document import Document, is_entry, normal
from posembed.quality.documents.sentences import is_prose, spans
from posembed.quality.rng import generator

Encode = Callable[[str], list[int]]
Span = tuple[int, int]

# Tokens of a query: shorter ones are hardly a question (titles may be), longer ones are cut. Models read so many at
# positions that every table has.
SHORTEST_QUERY, LONGEST_QUERY = 8, 64
# A section is asked for that begins past this share of what is read: evidence that cutting the document would lose.
DEEP = 1 / 3
# Characters that are looked at for each that the tokens wanted take on average: what is taken out is replaced by what
# follows, and the average of a document's beginning may differ.
_MARGIN = 1.5


@dataclass(frozen=True)
class Question:
    """A query about a document.

    Attributes:
        ids: token ids without special tokens.
        depth: where the evidence stood, as a fraction of what is read.
    """

    ids: tuple[int, ...]
    depth: float


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a document, without what its queries ask with.

    Attributes:
        ids: token ids without special tokens.
        title: its title as a query; ``None`` if it has none, or another document has the same.
        section: the heading and first sentence of a section that begins past a third; ``None`` if there is none.
        sentence: another sentence; ``None`` if there is none.
        source: names the document, whatever length it is cut to.
    """

    ids: tuple[int, ...]
    title: Question | None
    section: Question | None
    sentence: Question | None
    source: str = ""


@dataclass(frozen=True)
class _Part:
    """A section within a document's text: where it begins, its heading's end, and its first sentence."""

    begin: int
    heading_end: int
    first: Span


@dataclass(frozen=True)
class _Text:
    """A document as one string.

    Attributes:
        title: the title.
        text: everything but the title.
        folded: the text as it is compared with others.
        digest: names the content.
        tokens: tokens of the text.
        parts: sections after the first.
        sentences: begin and end of every sentence.
    """

    title: str
    text: str
    folded: str
    digest: str
    tokens: int
    parts: tuple[_Part, ...]
    sentences: tuple[Span, ...]


class Source:
    """Documents that are ready to be cut to any length.

    Args:
        documents: with titles and sections.
        encode: text to token ids, without special tokens.
    """

    def __init__(self, documents: Iterable[Document], encode: Encode) -> None:
        self.encode = encode
        self.texts = [_flatten(document, encode) for document in documents]
        self.titles = Counter(normal(text.title) for text in self.texts)
        # In how many documents a sentence occurs: one that several have tells none of them from the others.
        self.sentences = Counter(
            sentence
            for text in self.texts
            for sentence in {normal(text.text[begin:end]) for begin, end in text.sentences}
        )

    def excerpts(self, body: int, split: str, seed: int) -> tuple[Excerpt, ...]:
        """Return the documents of at least ``body`` tokens, cut to that length; no two have the same tokens.

        Which sentences are taken and the order follow from the split, the length, the seed and each document's own
        content; adding a document changes no other.
        """
        found: dict[tuple[int, ...], tuple[str, Excerpt]] = {}
        for text in self.texts:
            if text.tokens < body:
                continue
            rng = generator("excerpt", split, body, seed, text.digest)
            excerpt = self._excerpt(text, body, rng)
            if excerpt is not None:
                found.setdefault(excerpt.ids, (hashlib.sha256(f"{seed} {text.digest}".encode()).hexdigest(), excerpt))
        return tuple(excerpt for _, excerpt in sorted(found.values(), key=lambda each: each[0]))

    def _excerpt(self, text: _Text, body: int, rng: np.random.Generator) -> Excerpt | None:
        """Return the excerpt, or ``None`` if the document is too short without what is taken out."""
        reach = int(_MARGIN * body * len(text.text) / text.tokens) + 1
        depth = _Depth(text.text, body, self.encode)
        section, taken = self._section(text, reach, depth, rng)
        sentence, more = self._sentence(text, reach, depth, taken, rng)
        ids = self.encode(_without(text.text, [*taken, *more]))
        if len(ids) < body:
            return None
        title = None
        if self.titles[normal(text.title)] == 1 and any(sign.isalpha() for sign in text.title):
            title = Question(tuple(self.encode(text.title)[:LONGEST_QUERY]), 0.0)
        return Excerpt(tuple(ids[:body]), title, section, sentence, text.digest)

    def _section(
        self, text: _Text, reach: int, depth: _Depth, rng: np.random.Generator
    ) -> tuple[Question | None, list[Span]]:
        candidates = [part for part in text.parts if part.begin < reach and self._is_own(text, part.first)]
        for number in rng.permutation(len(candidates)).tolist():
            part = candidates[number]
            begin, end = depth.of(part.begin), depth.of(part.first[1])
            heading = text.text[part.begin : part.heading_end]
            query = self.encode(f"{heading}\n{text.text[slice(*part.first)]}".strip())[:LONGEST_QUERY]
            if begin > DEEP and end < 1 and len(query) >= SHORTEST_QUERY:
                listed = _entries(text.text, heading)
                return Question(tuple(query), begin), [(part.begin, part.heading_end), part.first, *listed]
        return None, []

    def _sentence(
        self, text: _Text, reach: int, depth: _Depth, taken: Sequence[Span], rng: np.random.Generator
    ) -> tuple[Question | None, list[Span]]:
        """Return a sentence at a depth that is drawn evenly, not at one where most sentences are."""
        candidates = [
            span
            for span in text.sentences
            if span[1] < reach and not any(begin < span[1] and span[0] < end for begin, end in taken)
        ]
        target = float(rng.random()) * reach / _MARGIN
        for span in sorted(candidates, key=lambda each: abs(each[0] - target)):
            if not self._is_own(text, span):
                continue
            query = self.encode(text.text[slice(*span)])
            if len(query) >= SHORTEST_QUERY and depth.of(span[1]) < 1:
                return Question(tuple(query[:LONGEST_QUERY]), depth.of(span[0])), [span]
        return None, []

    def _is_own(self, text: _Text, span: Span) -> bool:
        """Return whether a stretch is prose that neither this document has again nor any other has."""
        stretch = text.text[slice(*span)]
        wanted = normal(stretch)
        return is_prose(stretch) and self.sentences[wanted] <= 1 and text.folded.count(wanted) == 1


class _Depth:
    """Where a character of a document lies, as a fraction of the tokens that are read."""

    def __init__(self, text: str, body: int, encode: Encode) -> None:
        self.text, self.body, self.encode = text, body, encode

    def of(self, character: int) -> float:
        return len(self.encode(self.text[:character])) / self.body


def _flatten(document: Document, encode: Encode) -> _Text:
    pieces: list[str] = []
    parts: list[_Part] = []
    sentences: list[Span] = []
    at = 0
    for section in document.sections:
        heading = f"{section.heading}\n" if section.heading else ""
        piece = f"{heading}{section.text}".rstrip("\n")
        begin = at + len(heading)
        own = [(begin + first, begin + last) for first, last in spans(section.text)]
        if pieces and own:
            parts.append(_Part(at, at + len(heading), own[0]))
        sentences += own
        pieces.append(piece)
        at += len(piece) + 2
    text = "\n\n".join(pieces)
    digest = hashlib.sha256(f"{document.title}\n{text}".encode()).hexdigest()
    return _Text(document.title, text, normal(text), digest, len(encode(text)), tuple(parts), tuple(sentences))


def _entries(text: str, heading: str) -> list[Span]:
    """Return the lines that hold nothing but a heading, such as those of a table of contents."""
    wanted = normal(heading)
    if not wanted:
        return []
    found, at = [], 0
    for line in text.split("\n"):
        if is_entry(line, wanted):
            found.append((at, at + len(line)))
        at += len(line) + 1
    return found


def _without(text: str, taken: Iterable[Span]) -> str:
    """Return a text without some stretches, which may overlap."""
    kept, at = [], 0
    for begin, end in sorted(taken):
        kept.append(text[at : max(at, begin)])
        at = max(at, end)
    return "".join([*kept, text[at:]])
