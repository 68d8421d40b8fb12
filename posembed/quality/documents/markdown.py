"""Read Markdown: headings outside code, and the text as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posembed.quality.documents.document import Document, Section, compose, from_headings
from posembed.quality.documents.html import read_blocks

if TYPE_CHECKING:
    from markdown_it.token import Token

# Metadata above the text, as site generators write it: between lines of --- (YAML) or +++ (TOML).
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title\s*[:=]\s*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)\s*$", re.MULTILINE)
# What stands for a line break or a picture in the text of one line.
_SPACE = frozenset({"softbreak", "hardbreak"})


def read_markdown(text: str) -> Document:
    r"""Return the document of a CommonMark text with tables.

    The title is the first heading, or the one that the metadata above the text gives. Links and pictures leave their
    text, code stays, comments and metadata are left out.

    Example:
        >>> document = read_markdown("# Cats\n\n```sh\n# no heading\n```\n\n## Food\n\n[Mice](m.md)")
        >>> document.title, document.sections
        ('Cats', (Section(heading='', text='# no heading', level=0), Section(heading='Food', text='Mice', level=2)))
    """
    from markdown_it import MarkdownIt

    matter = _FRONT_MATTER.match(text)
    given = ""
    if matter is not None:
        text = text[matter.end() :]
        named = _TITLE.search(matter[2] or "")
        given = named["title"] if named else ""
    sections = _sections(MarkdownIt("commonmark").enable("table").parse(text))
    document = from_headings(sections)
    if given and not (document.title and any(each.level == 1 for each in sections)):
        return compose(given, sections)
    return document


def _sections(tokens: Sequence[Token]) -> list[Section]:
    sections = [Section("", "")]
    heading = row = 0
    for token in tokens:
        text, level = "", 0
        if token.type == "heading_open":
            # Inside a quotation or a list a heading is part of the text.
            heading = int(token.tag[1:]) if token.level == 0 else 0
        elif token.type == "tr_open":
            row = 1
        elif token.type == "tr_close":
            row = 0
        elif token.type == "inline":
            text, level = _inline(token), heading
            heading = 0
        elif token.type in ("fence", "code_block"):
            text = token.content.rstrip("\n")
        elif token.type == "html_block":
            for found, rank in read_blocks(token.content):
                _add(sections, found, rank)
            continue
        if text:
            _add(sections, text, level, " | " if row > 1 else "\n\n")
            row += bool(row)
    return sections


def _add(sections: list[Section], text: str, level: int, between: str = "\n\n") -> None:
    if level:
        sections.append(Section(text, "", level))
        return
    last = sections[-1]
    sections[-1] = Section(last.heading, last.text + between * bool(last.text) + text, last.level)


def _inline(token: Token) -> str:
    """Return the text of one paragraph, heading or cell without its markup; pictures leave nothing."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "text_special"):
            parts.append(child.content)
        elif child.type in _SPACE:
            parts.append("\n")
    return "".join(parts).strip()
