"""A text with a title and sections, whatever kind of file it was read from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What stands before an entry of a list or of a table of contents: bullets, and numbers such as 1. or 2.3).
_ENTRY = re.compile(r"^\s*(?:[-*+•·–—#]+|\(?\d+(?:\.\d+)*[.)]?)?\s*")


@dataclass(frozen=True)
class Section:
    """A part of a document.

    Attributes:
        heading: one line of plain text; empty for text that no heading precedes.
        text: plain text, without headings of other sections.
        level: rank of the heading, 1 for the highest; 0 without a heading.
    """

    heading: str
    text: str
    level: int = 0


@dataclass(frozen=True)
class Document:
    """A text with its title and sections.

    Attributes:
        title: one line of plain text; empty where the text has none. It is not part of ``sections``.
        sections: the text in its order.
    """

    title: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """Everything but the title, a heading on a line of its own, with an empty line between sections."""
        return "\n\n".join(filter(None, (f"{each.heading}\n{each.text}".strip("\n") for each in self.sections)))


def compose(title: str, sections: Iterable[Section]) -> Document:
    r"""Return a document whose text does not repeat the title as a heading or on a line of its own.

    Sections without a heading and text are left out.

    Example:
        >>> compose("Cats", [Section("", "Cats\nThey purr."), Section("cats", "Or not.", 1)]).text
        'They purr.\n\nOr not.'
    """
    title = one_line(title)
    kept = []
    for each in sections:
        heading, text = one_line(each.heading), without_lines(each.text, title).strip("\n")
        if title and normal(heading) == normal(title):
            heading = ""
        if heading or text.strip():
            kept.append(Section(heading, text, each.level if heading else 0))
    return Document(title, tuple(kept))


def from_headings(sections: Sequence[Section]) -> Document:
    r"""Return a document whose title is its first heading, where that heading is one for the whole text.

    That is so where no other heading has a higher rank, and it stands before all text or alone has its rank.

    Example:
        >>> document = from_headings([Section("Cats", "They purr.", 1), Section("Food", "Mice.", 2)])
        >>> document.title, document.text
        ('Cats', 'They purr.\n\nFood\nMice.')
    """
    at = next((number for number, each in enumerate(sections) if each.heading), None)
    if at is None:
        return compose("", sections)
    first, levels = sections[at], [each.level for each in sections if each.heading]
    before = any(each.text.strip() for each in sections[:at])
    if first.level > min(levels) or (before and levels.count(first.level) > 1):
        return compose("", sections)
    return compose(first.heading, [*sections[:at], Section("", first.text), *sections[at + 1 :]])


def clean(content: bytes) -> str:
    r"""Return the text of a UTF-8 file: no byte order mark, and every line ended by a line feed.

    Example:
        >>> clean(b"\xef\xbb\xbfone\r\ntwo")
        'one\ntwo'
    """
    text = content.decode("utf-8").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")


def one_line(text: str) -> str:
    """Return a text on one line, with single spaces."""
    return " ".join(text.split())


def normal(text: str) -> str:
    """Return a text as it is compared with others: on one line, in lower case."""
    return one_line(text).casefold()


def without_lines(text: str, line: str) -> str:
    r"""Return a text without the lines that hold nothing but ``line``, as an entry of a list or not.

    Example:
        >>> without_lines("1. Food\n2. Sleep", "food")
        '2. Sleep'
    """
    wanted = normal(line)
    if not wanted or wanted not in normal(text):
        return text
    return "\n".join(each for each in text.split("\n") if not is_entry(each, wanted))


def is_entry(line: str, wanted: str) -> bool:
    """Return whether a line holds nothing but some text, which is given in its normal form."""
    return wanted in (normal(line), normal(_ENTRY.sub("", line, count=1)))


def chapters(document: Document, least: int) -> list[Document]:
    r"""Return the parts of a long text as documents of their own, each with its heading as the title.

    The parts are those below the headings of the highest ranks of which there are at least ``least``; what stands
    before the first of them is left out. If there are too few headings, there are no parts.

    Example:
        >>> book = Document("", (Section("One", "a", 1), Section("Of one", "b", 2), Section("Two", "c", 1)))
        >>> [(each.title, each.text) for each in chapters(book, 2)]
        [('One', 'a\n\nOf one\nb'), ('Two', 'c')]
    """
    levels = sorted(each.level for each in document.sections if each.heading)
    if len(levels) < least:
        return []
    level = levels[least - 1]
    begins = [number for number, each in enumerate(document.sections) if 0 < each.level <= level]
    parts = [document.sections[begin:end] for begin, end in zip(begins, [*begins[1:], None], strict=True)]
    return [compose(head.heading, [Section("", head.text), *rest]) for head, *rest in parts]
