"""Limits on the number of tokens that tokenizer and sentence-transformers files state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.json_object import read_json
from posembed.find.config import number
from posembed.find.families import weights


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """A number of tokens at which a tokenizer or sentence-transformers stops, and the field that holds it."""

    file: Path
    path: tuple[str, ...]
    limit: int
    why: str


def token_limits(directory: Path, root: Path) -> Iterator[TokenLimit]:
    """Yield the limits on tokens in the tokenizer's and sentence-transformers' files.

    Args:
        directory: the Transformers directory.
        root: the checkpoint's root, for sentence-transformers.
    """
    for file in existing(directory / "tokenizer_config.json"):
        settings = read_json(file)
        for name in ("model_max_length", "max_len", "max_length"):
            limit = number(settings.get(name))
            if limit is not None and limit < weights.NO_LIMIT:
                yield TokenLimit(file, (name,), limit, "the tokenizer would truncate or warn at the old length")
    for file in existing(directory / "tokenizer.json"):
        truncation = read_json(file).get("truncation")
        limit = number(truncation.get("max_length")) if isinstance(truncation, dict) else None
        if limit is not None:
            yield TokenLimit(file, ("truncation", "max_length"), limit, "the tokenizer truncates silently here")
    for folder in dict.fromkeys((root, directory)):
        for file in sorted(folder.glob("sentence_*_config.json")):  # …_bert_…, _roberta_… and the like
            limit = number(read_json(file).get("max_seq_length"))
            if limit is not None:
                yield TokenLimit(file, ("max_seq_length",), limit, "sentence-transformers truncates to it")


def existing(file: Path) -> Iterator[Path]:
    """Yield the file if it is there."""
    if file.is_file():
        yield file
