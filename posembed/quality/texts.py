"""Local texts for evaluation, search and calibration, in three sets that share no document."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from posembed.quality.documents.document import Document, chapters, clean
from posembed.quality.documents.html import read_html
from posembed.quality.documents.plain import read_plain
from posembed.quality.documents.python_source import parsed, read_python
from posembed.quality.documents.readers import read_document, reader_of
from posembed.records.choices import Split
from posembed.text_files import File, split_files

# Words of a string that counts as prose: shorter ones are messages, patterns and names rather than sentences.
PROSE_WORDS = 30
# Parts that a single file's headings must give, to be read as documents of their own: fewer are hardly ranked.
LEAST_CHAPTERS = 5


class TextSets(Mapping[str, list[str]]):
    """The texts of each set by its name; a set is read once it is asked for.

    Parsing the standard library's modules takes seconds, and nearly all of them are in the training set, which few
    commands read.
    """

    def __init__(self, files: Mapping[str, Sequence[File]], read: Callable[[File], str]) -> None:
        self._files = files
        self._read = read
        self._texts: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> list[str]:
        if name not in self._texts:
            self._texts[name] = list(filter(None, map(self._read, self._files[name])))
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def load_texts(data: str) -> TextSets:
    """Return documents to select a method by (``validation``), calibrate on (``train``) and report on (``test``).

    HTML pages are read without their markup, and Python modules as their prose, that is their long strings, mostly
    docstrings; other files as they are.

    Args:
        data: a text file, a directory of text files, or ``"stdlib"``: the prose in the running Python's standard
            library.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_files(data)
    return TextSets(sets, _whole if is_one_file(data) else _readable)


def _whole(file: File) -> str:
    return file.content.decode("utf-8")


def _readable(file: File) -> str:
    reader = reader_of(file.name)
    if reader is read_html:
        document = read_html(clean(file.content))
        return f"{document.title}\n\n{document.text}".strip()
    text = file.content.decode("utf-8")
    return prose(text) if reader is read_python else text


def load_documents(
    data: str, split: Split | Literal["all"] = "test", *, least: int = 0, most: int | None = None
) -> list[Document]:
    """Return one of the same three sets as documents with titles and sections.

    A single file is one text: the parts below its headings are documents; without headings, its pieces are, and have no
    title.

    Args:
        data: as for :func:`load_texts`; the ending of a file's name decides how it is read.
        split: which set, or all three.
        least: bytes of the smallest file of a directory that is read.
        most: number of files of a directory that are read; which ones does not depend on their names.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_files(data)
    files = [file for name in (sets if split == "all" else (split,)) for file in sets[name]]
    if is_one_file(data):
        whole = read_document(data, b"".join(file.content for file in files))
        documents = chapters(whole, LEAST_CHAPTERS) or [
            Document("", read_plain(f"\n\n{clean(file.content)}").sections) for file in files
        ]
    else:
        large = [file for file in files if len(file.content) >= least]
        documents = [read_document(file.name, file.content) for file in large[:most]]
    return [document for document in documents if document.text.strip()]


def load_whole_texts(data: str) -> TextSets:
    """Return the same three sets with every document whole, code included: what language models read.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_files(data)
    return TextSets(sets, _whole)


def prose(source: str) -> str:
    """Return the long strings of a Python module in their order; empty if there are none.

    Example:
        >>> prose("x = 1")
        ''
    """
    tree = parsed(source)
    if tree is None:
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
