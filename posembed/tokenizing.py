"""Tokenizers of the `tokenizers` package: without limits, and what they put around a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def unlimited_tokenizer(file: Path) -> Any:
    """Return the tokenizer of a ``tokenizer.json``; a stored limit would silently cut every document.

    Raises:
        Exception: whatever `tokenizers` raises for a file that it cannot read.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the ids of the special tokens that a tokenizer puts before and after a text."""
    inner: list[int] = tokenizer.encode("a", add_special_tokens=False).ids
    whole: list[int] = tokenizer.encode("a").ids
    at = next((k for k in range(len(whole)) if whole[k : k + len(inner)] == inner), 0)
    return whole[:at], whole[at + len(inner) :]
