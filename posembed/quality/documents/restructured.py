"""Read reStructuredText: headings by their lines of punctuation, and the text without most of the markup.

A reader of headings in place of docutils: that one needs the directives and roles of the tool that the text was written
for (Sphinx and its extensions), and complains about each that it does not know.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from posembed.quality.documents.document import Document, Section, from_headings, one_line

# A line of one punctuation character.
_LINE = re.compile(r"([!-/:-@\[-`{-~])\1*$")
# Fewer characters below a heading are accepted where they are at least as many as the heading has.
_SHORTEST_LINE = 4
_DIRECTIVE = re.compile(r"^(?P<indent>\s*)\.\.\s+(?:\|[^|]*\|\s+)?(?P<name>[\w:.+-]+?)::(?:\s+(?P<argument>.*))?$")
_EXPLICIT = re.compile(r"^(?P<indent>\s*)\.\.(?:\s|$)")
_FOOTNOTE = re.compile(r"^\s*\.\.\s+\[[^\]]+\]\s+")
_FIELD = re.compile(r"^\s+:[\w -]+:(?:\s.*)?$")
# Directives that put nothing to be read into the text, or only names of files.
_SILENT = frozenset(
    [
        *("toctree", "include", "literalinclude", "image", "figure", "raw", "index", "contents", "highlight", "meta"),
        *("currentmodule", "module", "py:currentmodule", "py:module", "default-role", "role", "default-domain"),
        *("automodule", "autoclass", "autofunction", "automethod", "autosummary", "autodata", "only", "ifconfig"),
        *("sectnum", "class", "tabularcolumns", "unicode", "replace", "plot", "graphviz", "bibliography"),
        *("sectionauthor", "codeauthor"),
    ]
)
# Of these, the indented text below is kept, as an argument that is no text is not.
_KEEPS_CONTENT = frozenset(["only", "ifconfig", "class", "figure", "module", "py:module"])
# Directives whose argument is a name of something, not words of the text.
_NAMED = frozenset(
    ["code", "code-block", "sourcecode", "math", "parsed-literal", "list-table", "csv-table", "container"]
)
_ROLE = re.compile(r"(?::[\w:+.-]+:)?`(?P<text>[^`]+)`(?:__?|:[\w:+.-]+:)?")
_TARGET = re.compile(r"\s*<[^<>]*>$")
_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*\*?)(?=\S)([^*\n]+?)(?<=\S)\1(?![\w*])")
_REFERENCE = re.compile(r"(?<![\w`])([A-Za-z][\w.-]*[A-Za-z0-9])__?(?=[\s.,;:!?)\]]|$)")


def read_restructured(text: str) -> Document:
    r"""Return the document of a reStructuredText file.

    Headings are lines of text with a line of punctuation below, or below and above. Their ranks follow from the order
    in which the kinds of lines occur.

    Example:
        >>> document = read_restructured("Cats\n====\n\nThey *purr*: :ref:`food <f>`.\n\nFood\n----\n\n.. note:: Mice.")
        >>> document.title, [each.text for each in document.sections]
        ('Cats', ['They purr: food.', 'Mice.'])
    """
    lines = text.expandtabs(8).split("\n")
    ranks: dict[str, int] = {}
    sections, begin, last = [], 0, Section("", "")
    for heading in headings(lines):
        sections.append(Section(last.heading, plain("\n".join(lines[begin : heading.begin])), last.level))
        rank = ranks.setdefault(heading.style, len(ranks) + 1)
        last, begin = Section(one_line(inline(heading.text)), "", rank), heading.end
    sections.append(Section(last.heading, plain("\n".join(lines[begin:])), last.level))
    return from_headings(sections)


@dataclass(frozen=True)
class Heading:
    """A heading with its lines of punctuation.

    Attributes:
        text: the heading.
        style: its punctuation, twice where a line stands above too.
        begin: number of its first line.
        end: number of the line after it.
    """

    text: str
    style: str
    begin: int
    end: int


def headings(lines: list[str]) -> list[Heading]:
    """Return the headings of a text in order.

    Example:
        >>> [each.text for each in headings(["====", "Cats", "====", "", "Food", "----", "-----", "1 2"])]
        ['Cats', 'Food']
    """
    found: list[Heading] = []
    number = 0
    while number < len(lines):
        heading = _heading_at(lines, number, found[-1].end if found else 0)
        if heading is None:
            number += 1
        else:
            found.append(heading)
            number = heading.end
    return found


def _heading_at(lines: list[str], number: int, free: int) -> Heading | None:
    """Return the heading that begins at a line: after an empty line, an explicit one such as a target, or another."""
    before = lines[number - 1] if number > free else ""
    if before.strip() and not _EXPLICIT.match(before):
        return None
    first, second, third = [*(line.rstrip() for line in lines[number : number + 3]), "", "", ""][:3]
    if _LINE.match(first) and second.strip() and third == first and not _LINE.match(second):
        return Heading(second.strip(), 2 * first[0], number, number + 3) if _long_enough(first, second) else None
    is_text = bool(first) and not first[0].isspace() and not _LINE.match(first) and not _EXPLICIT.match(first)
    if is_text and _LINE.match(second) and _long_enough(second, first):
        return Heading(first, second[0], number, number + 2)
    return None


def _long_enough(line: str, text: str) -> bool:
    """Return whether a line of punctuation is as wide as the text, or four characters, as docutils allows."""
    return len(line) >= min(_SHORTEST_LINE, width(text.strip()))


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def plain(text: str) -> str:
    r"""Return a text without directives, comments, targets and inline markup; what directives contain stays.

    Example:
        >>> plain(".. _t:\n\n.. code-block:: py\n   :linenos:\n\n   x = 1\n\n.. toctree::\n\n   a\n\nEnd::")
        'x = 1\n\nEnd:'
    """
    kept: list[str] = []
    dropped: int | None = None  # indent of a block whose content is left out
    options = False  # whether options of a directive may follow
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if dropped is not None and (not line.strip() or indent > dropped):
            continue
        dropped = None
        if options and _FIELD.match(line):
            continue
        options = False
        directive = _DIRECTIVE.match(line)
        if directive is not None:
            name, argument = directive["name"].lower(), directive["argument"] or ""
            options = True
            if name in _SILENT and name not in _KEEPS_CONTENT:
                dropped = indent
            elif argument and name not in _SILENT | _NAMED:
                kept.append(argument)
        elif _FOOTNOTE.match(line):
            kept.append(_FOOTNOTE.sub("", line))
        elif _EXPLICIT.match(line):
            dropped = indent
        elif len(line.strip()) < _SHORTEST_LINE or any(sign.isalnum() for sign in line):  # else a line of a table
            kept.append(line)
    return inline(_without_indents("\n".join(kept)))


def inline(text: str) -> str:
    """Return a text without inline markup.

    Example:
        >>> inline("``a*b*``, *c*, :class:`~os.PathLike`, `docs <https://x>`_ and name_")
        'a*b*, c, PathLike, docs and name'
    """
    parts = _LITERAL.split(text)  # every second is literal
    for number in range(0, len(parts), 2):
        part = _ROLE.sub(_role_text, parts[number])
        part = _EMPHASIS.sub(r"\2", part)
        part = _REFERENCE.sub(r"\1", part)
        parts[number] = re.sub(r"::(?=\s*(?:\n\s*\n|\Z))", ":", part).replace("\\ ", "").replace("\\*", "*")
    return "".join(parts).strip("\n").rstrip()


def _role_text(match: re.Match[str]) -> str:
    text = _TARGET.sub("", match["text"])
    return text[1:].rsplit(".", 1)[-1] if text.startswith("~") else text.removeprefix("!")


def _without_indents(text: str) -> str:
    """Return a text whose blocks begin at the margin, as the text inside a directive does for its reader."""
    blocks = re.split(r"\n[ \t]*\n\s*?(?=\S|[ \t])", text)
    shifted = []
    for block in blocks:
        lines = block.strip("\n").split("\n")
        indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
        shifted.append("\n".join(line[min(indents, default=0) :].rstrip() for line in lines))
    return "\n\n".join(block for block in shifted if block.strip())
