"""Local texts for evaluation, search and calibration, in three sets that share no document."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from pathlib import Path

from posembed.corpus import split_texts

# Words of a string that counts as prose: shorter ones are messages, patterns and names rather than sentences.
PROSE_WORDS = 30


def load_texts(data: str) -> dict[str, list[str]]:
    """Return documents to select a method by (``validation``), calibrate on (``train``) and report on (``test``).

    Args:
        data: a text file, a directory of text files, or ``"stdlib"``: the prose in the running Python's standard
            library, that is the long strings of its modules, mostly docstrings.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    texts = load_whole_texts(data)
    if data == "stdlib":
        texts = {name: list(filter(None, map(prose, documents))) for name, documents in texts.items()}
    return texts


def load_whole_texts(data: str) -> dict[str, list[str]]:
    """Return the same three sets with every document whole, code included: what language models read.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_texts(data)
    return {name: [document.decode("utf-8") for document in documents] for name, documents in sets.items()}


def prose(source: str) -> str:
    """Return the long strings of a Python module in their order; empty if there are none.

    Example:
        >>> prose("x = 1")
        ''
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in somebody else's strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n\n".join(text.strip() for text in strings if len(text.split()) >= PROSE_WORDS)


def is_one_file(data: str) -> bool:
    """Return whether documents are pieces of one text, which may be joined again within a set."""
    return data != "stdlib" and Path(data).is_file()


def joined(pieces: Sequence[Sequence[int]], length: int) -> list[list[int]]:
    """Join neighboring pieces of one text to documents of at least ``length`` tokens.

    What is left at the end is added to the last document.

    Example:
        >>> joined([[1, 2], [3], [4, 5, 6], [7]], 3)
        [[1, 2, 3], [4, 5, 6, 7]]
    """
    documents: list[list[int]] = [[]]
    for piece in pieces:
        if len(documents[-1]) >= length:
            documents.append([])
        documents[-1] += piece
    if len(documents) > 1 and len(documents[-1]) < length:
        rest = documents.pop()
        documents[-1] += rest
    return documents
