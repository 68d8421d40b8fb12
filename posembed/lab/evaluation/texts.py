"""Local texts for long-input evaluation, in three sets that share no document."""

from __future__ import annotations

import ast
import warnings

from posembed.lab.corpus import split_texts

_WORDS = 30  # of a string that counts as prose


def load_texts(data: str) -> dict[str, list[str]]:
    """Documents for choosing (``validation``), calibrating (``train``) and reporting (``test``).

    Args:
        data: a text file, a directory of text files, or ``"stdlib"``: the prose in the running Python's standard
            library, that is the long strings of its modules, docstrings first of all.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    texts = load_whole_texts(data)
    if data == "stdlib":
        texts = {name: list(filter(None, map(prose, documents))) for name, documents in texts.items()}
    return texts


def prose(source: str) -> str:
    """The long strings of a Python module, in the order in which they stand; empty where there is none.

    Example:
        >>> prose("x = 1")
        ''
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in somebody else's strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n\n".join(text.strip() for text in strings if len(text.split()) >= _WORDS)


def load_whole_texts(data: str) -> dict[str, list[str]]:
    """The same three sets with every document whole, code and all: what language models read.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_texts(data)
    return {name: [document.decode("utf-8") for document in documents] for name, documents in sets.items()}
