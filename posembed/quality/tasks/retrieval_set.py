"""Retrieval tasks of a wanted length in tokens: passkeys, needles, paragraphs, each with the evidence at a known depth.

The tasks are of the kind of LongEmbed's (Zhu et al. 2024, arXiv:2404.12096), made from local text; they are not
LongEmbed. A document has exactly ``length`` tokens, special tokens included, and one query. Names, numbers, places in
the text and depths follow from the split, the task, the length and the seed alone. Passkeys hide in sentences that say
nothing: each pool in other ones, each split in its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError, InvalidArgumentError
from posembed.quality.tasks.names import FILLERS, FIRST, LAST, PLACES, THINGS

Split = Literal["train", "validation", "test"]
Task = Literal["passkey", "needle", "paragraph"]
TASKS: tuple[Task, ...] = get_args(Task)
DEPTHS = 5  # strata of the evidence's place
_PARAGRAPH, _QUERY = 128, 48  # tokens of a document's own paragraph, and of its query
_LEAST = 1024  # tokens of haystack, below which documents would be one text again and again
Ints = NDArray[np.int64]
Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class RetrievalSet:
    """Documents and queries; query ``i`` belongs to document ``i``.

    Attributes:
        documents: token ids without special tokens.
        queries: likewise.
        depths: stratum of the evidence in each document, 0 (start) to ``DEPTHS − 1``.
        pool: number of documents that a query is ranked against; pools follow each other.
    """

    documents: tuple[tuple[int, ...], ...]
    queries: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    pool: int


def generator(*parts: object) -> np.random.Generator:
    """Random numbers that follow from words alone."""
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def make_set(
    task: Task,
    length: int,
    encode: Encode,
    texts: Sequence[Sequence[int]],
    *,
    split: Split = "test",
    documents: int = 200,
    pool: int = 100,
    seed: int = 0,
    special: int = 2,
) -> RetrievalSet:
    """Make the documents and queries of one task at one length.

    Args:
        task: ``"passkey"``, ``"needle"`` or ``"paragraph"``.
        length: tokens of a document, special tokens included.
        encode: text to token ids, without special tokens.
        texts: held-out documents in tokens, of the split; haystacks and paragraphs are cut from them.
        split: decides which names and numbers are drawn, disjoint between splits.
        documents: how many, a multiple of ``pool``.
        pool: documents that a query is ranked against.
        seed: of every draw.
        special: special tokens that the model adds around a document.

    Raises:
        InvalidArgumentError: for a task or counts that cannot be.
        DataError: if the texts are too short for so many documents of this length.
    """
    if task not in TASKS:
        raise InvalidArgumentError(f"task={task!r} must be one of {', '.join(TASKS)}")
    if pool < 2 or documents < pool or documents % pool:
        raise InvalidArgumentError(f"documents={documents} must be a multiple of pool={pool}, and pool at least 2")
    draw = generator("retrieval", task, split, length, seed)
    body = length - special
    stream = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts]) if texts else np.zeros(0, np.int64)
    if task == "paragraph":
        size = min(_PARAGRAPH, body // 2)
        own, stream = np.split(stream, [documents * size])
    if task != "passkey" and len(stream) < _LEAST:
        raise DataError(
            f"the {split} texts are too short for {documents} documents of the task {task}: "
            f"{_LEAST - len(stream):,} tokens are missing; give more text with --data, or fewer --documents"
        )
    depths = np.tile(np.arange(DEPTHS), -(-documents // DEPTHS))[:documents]
    depths = np.concatenate([draw.permutation(part) for part in np.split(depths, documents // pool)])
    people = _people(split, documents, draw)
    fillers = [np.asarray(encode(filler), dtype=np.int64) for filler in FILLERS[split]]
    made = []
    for number, (person, depth) in enumerate(zip(people, depths.tolist(), strict=True)):
        place = (depth + float(draw.random())) / DEPTHS
        if task == "paragraph":
            paragraph = own[number * size : (number + 1) * size]
            query = min(_QUERY, size // 2)
            at = int(draw.integers(0, size - query + 1))
            haystack = window(stream, body, draw)
            made.append((_put(paragraph, haystack, body, place), paragraph[at : at + query].tolist()))
        elif task == "passkey":
            haystack = np.resize(fillers[number // pool % len(fillers)], body)
            made.append(_hidden(*_passkey(person, draw), haystack, body, place, encode))
        else:
            made.append(_hidden(*_needle(person, draw), window(stream, body, draw), body, place, encode))
    if any(len(document) != body for document, _ in made):
        raise DataError(f"length={length} has no room for the evidence: give --lengths of at least 64 tokens")
    return RetrievalSet(
        tuple(tuple(document) for document, _ in made), tuple(tuple(query) for _, query in made), tuple(depths), pool
    )


def _people(split: Split, count: int, draw: np.random.Generator) -> list[str]:
    """Names that no other split has, each once where there are enough."""
    splits: tuple[Split, ...] = get_args(Split)
    every = [f"{first} {last}" for first in FIRST for last in LAST]
    order = generator("people").permutation(len(every))
    own = [every[number] for number in order[splits.index(split) :: len(splits)]]
    if count > len(own):
        raise InvalidArgumentError(f"documents={count} is more than the {len(own)} names of a split")
    return [own[number] for number in draw.permutation(len(own))[:count]]


def _passkey(person: str, draw: np.random.Generator) -> tuple[str, str]:
    key = int(draw.integers(10000, 100000))
    return (
        f"The pass key of {person} is {key}. Remember it. {key} is the pass key of {person}.",
        f"What is the pass key of {person}?",
    )


def _needle(person: str, draw: np.random.Generator) -> tuple[str, str]:
    thing, place = draw.choice(THINGS), draw.choice(PLACES)
    return f"{person} keeps the {thing} {place}.", f"Where does {person} keep the {thing}?"


def _hidden(
    evidence: str, query: str, haystack: Ints, body: int, place: float, encode: Encode
) -> tuple[list[int], list[int]]:
    """Evidence put into a haystack, at a share of its length."""
    return _put(encode(evidence), haystack, body, place), encode(query)


def _put(evidence: Sequence[int] | Ints, haystack: Ints, body: int, place: float) -> list[int]:
    room = max(body - len(evidence), 0)
    at = round(place * room)
    return [*haystack[:at].tolist(), *map(int, evidence), *haystack[at:room].tolist()]


def window(stream: Ints, length: int, draw: np.random.Generator) -> Ints:
    """So many tokens from a random place on, beginning again where the text ends."""
    return stream[(int(draw.integers(len(stream))) + np.arange(length)) % len(stream)]
