"""Choose a reader by the ending of a file's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from posembed.quality.documents.document import Document, clean
from posembed.quality.documents.html import read_html
from posembed.quality.documents.markdown import read_markdown
from posembed.quality.documents.plain import read_plain
from posembed.quality.documents.python_source import read_python
from posembed.quality.documents.restructured import read_restructured

Reader = Callable[[str], Document]

READERS: Mapping[str, Reader] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), read_python),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), read_markdown),
    **dict.fromkeys((".rst", ".rest", ".inc"), read_restructured),
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
}
"""Readers by ending, in lower case; every other file is plain text."""


_WORDS: Mapping[Reader, str] = {
    read_python: "Python",
    read_markdown: "Markdown",
    read_restructured: "reStructuredText",
    read_html: "HTML",
    read_plain: "plain text",
}


def read_document(name: str, content: bytes) -> Document:
    r"""Return the document of a file.

    Args:
        name: the file's name; its ending decides how the content is read.
        content: UTF-8 text.

    Example:
        >>> read_document("cats.md", b"# Cats\n\nThey purr.").title
        'Cats'
    """
    return reader_of(name)(clean(content))


def reader_of(name: str) -> Reader:
    """Return how a file of this name is read."""
    return READERS.get(PurePath(name).suffix.lower(), read_plain)


def words_for(name: str) -> str:
    """Return how a file of this name is read, in words.

    Example:
        >>> words_for("cats.md"), words_for("cats")
        ('Markdown', 'plain text')
    """
    return _WORDS[reader_of(name)]
