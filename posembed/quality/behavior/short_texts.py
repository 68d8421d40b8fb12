"""Short real texts of one length, so that no padding is needed; random tokens where there is no tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posembed.checkpoint.weight_files import transformer_directory
from posembed.errors import CheckpointError, DataError
from posembed.quality.models.language import MASK_TOKENS
from posembed.quality.rng import generator
from posembed.quality.texts import load_whole_texts, prose
from posembed.tokenizing import special_tokens, unlimited_tokenizer

_FIRST_TOKEN = 3
"""Special tokens mostly come before."""


@dataclass(frozen=True)
class ShortTexts:
    """Texts from which inputs of any small length are cut.

    Attributes:
        bodies: token ids of each text, special ones left out.
        prefix: special tokens before a text.
        suffix: special tokens after it.
        mask_id: the token that hides another, where there is one.
        what: what the texts are, in words.
        notes: what else to know.
    """

    bodies: tuple[tuple[int, ...], ...]
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    mask_id: int | None = None
    what: str = ""
    notes: tuple[str, ...] = ()

    def inputs(self, tokens: int) -> Tensor:
        """Return token ids ``[texts, tokens]``: the beginning of each text, between the special tokens."""
        special = len(self.prefix) + len(self.suffix)
        prefix, suffix = (self.prefix, self.suffix) if tokens > special else ((), ())
        inside = tokens - len(prefix) - len(suffix)
        return torch.tensor([[*prefix, *body[:inside], *suffix] for body in self.bodies])


def read_short_texts(folder: Path, data: str, count: int, tokens: int, vocabulary: int, seed: int) -> ShortTexts:
    """Return ``count`` texts of at least ``tokens`` tokens.

    Args:
        folder: the checkpoint.
        data: ``"stdlib"``, a text file or a directory of texts.
        count: number of texts.
        tokens: length that each must have.
        vocabulary: number of tokens that the model knows.
        seed: of the random tokens that are read where the checkpoint has no tokenizer.

    Raises:
        DataError: if there is too little text.
        CheckpointError: for a tokenizer that cannot be read.
    """
    file = transformer_directory(folder) / "tokenizer.json"
    if not file.is_file():
        rng = generator("behavior", "tokens", seed)
        drawn = rng.integers(min(_FIRST_TOKEN, vocabulary - 1), vocabulary, (count, tokens))
        note = "the checkpoint has no tokenizer.json: random tokens are read, of which no model makes sense"
        return ShortTexts(tuple(map(tuple, drawn.tolist())), what="random tokens", notes=(note,))
    tokenizer = _tokenizer(file)
    prefix, suffix = special_tokens(tokenizer)
    bodies = _bodies(tokenizer, data, count, tokens)
    mask_id = next(filter(lambda number: number is not None, map(tokenizer.token_to_id, MASK_TOKENS)), None)
    named = "prose of the standard library" if data == "stdlib" else f"texts of {data}"
    return ShortTexts(tuple(bodies), tuple(prefix), tuple(suffix), mask_id, named)


def _tokenizer(file: Path) -> Any:
    try:
        return unlimited_tokenizer(file)
    except Exception as error:  # tokenizers raises plain Exception
        raise CheckpointError(f"{file} cannot be read: {error}") from None


def _bodies(tokenizer: Any, data: str, count: int, tokens: int) -> list[tuple[int, ...]]:
    """Return the beginnings of as many documents; later pieces of them where there are too few."""
    pieces: list[list[tuple[int, ...]]] = []
    for text in _documents(data):
        ids = tokenizer.encode(text[: 40 * tokens * _ROOM], add_special_tokens=False).ids
        cut = [tuple(ids[at : at + tokens]) for at in range(0, min(len(ids), tokens * _ROOM) - tokens + 1, tokens)]
        if cut:
            pieces.append(cut)
        if len(pieces) == count:
            break
    depth = max(map(len, pieces), default=0)
    ordered = [cut[place] for place in range(depth) for cut in pieces if place < len(cut)]
    if len(ordered) < count:
        raise DataError(
            f"data={data!r}: too little text: {count} pieces of {tokens} tokens are needed, found {len(ordered)}"
        )
    return ordered[:count]


_ROOM = 64
"""Pieces that are cut from one document at most: enough for a single file."""


def _documents(data: str) -> Iterator[str]:
    """Yield documents; those of the standard library are its prose, test documents first."""
    sets = load_whole_texts(data)
    texts: Sequence[str] = [text for name in ("test", "validation", "train") for text in sets[name]]
    for text in texts:
        body = prose(text) if data == "stdlib" else text
        if body:
            yield body


def hidden_places(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return which tokens a masked model predicts: one in seven, at random, of every text at least one."""
    rng = generator("behavior", "hidden", seed)
    hidden = rng.random(shape) < 1 / 7
    hidden[np.arange(shape[0]), rng.integers(1, max(2, shape[1] - 1), shape[0])] = True
    return torch.from_numpy(hidden)
