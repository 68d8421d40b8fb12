"""Read plain text: the first line as its title, and headings that are underlined, numbered or set apart."""

from __future__ import annotations

import re

from posembed.quality.documents.document import Document, Section, compose
from posembed.quality.documents.restructured import Heading, headings, read_restructured, width

# Characters of the longest line that is taken for a title or a heading, and words of the longest heading.
LONGEST_TITLE, LONGEST_HEADING, MOST_WORDS = 120, 80, 12
# Share of the heading's width that a line below it has at least: a shorter one divides paragraphs.
_LEAST_UNDERLINE = 0.5
_NUMBERED = re.compile(
    r"^(?:(?:Chapter|Part|Section|Appendix|Kapitel|Chapitre)\s+)?(?P<number>[\dA-Z]+(?:\.\d+)*)[.:)]?\s+\S", re.I
)
_IS_NUMBER = re.compile(r"\d|[IVXLC]+$|[A-Z]$")
_SENTENCE_END = re.compile(r"[.,;:!?…。！？，；।]$")
# Directives, roles and literals of reStructuredText, which many .txt files are written in.
_RESTRUCTURED = re.compile(r"^\.\. (?:[\w:-]+::|_[^:\n]+:)|:[\w:-]+:`[^`\n]+`|``[^`\n]+``", re.MULTILINE)
Block = list[str]


def read_plain(text: str) -> Document:
    r"""Return the document of a plain text.

    The title is the first line, where it stands alone or is too short to be the first of a paragraph. A heading is a
    line with a line of punctuation below; a numbered line that stands alone; a line at the margin above an indented
    block; or a short line, alone and without a full stop, above a longer block. Where there is none, every block
    between empty lines is a section without a heading.

    Example:
        >>> document = read_plain("Cats\n\nThey purr.\n\n1. Food\n\nMice, most of all.\n")
        >>> document.title, [each.heading for each in document.sections]
        ('Cats', ['', '1. Food'])
    """
    if _RESTRUCTURED.search(text):
        return read_restructured(text)
    lines = text.expandtabs(8).split("\n")
    title, rest = _split_title(lines)
    parts = _parts(rest)
    if not any(part.heading for part in parts):
        parts = [Section("", "\n".join(block)) for block in _blocks(rest)]
    return compose(title, parts)


def _split_title(lines: list[str]) -> tuple[str, list[str]]:
    """Return the title, empty if there is none, and the lines after it."""
    at = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[at:]
    underlined = headings(lines[:3])
    if underlined:
        return underlined[0].text, lines[underlined[0].end :]
    first, second = [*(line.strip() for line in lines[:2]), "", ""][:2]
    if not first or len(first) > LONGEST_TITLE or not _is_wording(first):
        return "", lines
    paragraph = second and not second[0].isupper() and not second[0].isdigit()
    if second and (paragraph or _SENTENCE_END.search(first)):
        return "", lines  # a paragraph of several lines
    return first, lines[1:]


def _parts(lines: list[str]) -> list[Section]:
    sections, begin, last = [], 0, Section("", "")
    for heading in _headings(lines):
        sections.append(Section(last.heading, _text(lines[begin : heading.begin]), last.level))
        level = heading.text.split()[0].rstrip(".").count(".") + 1 if heading.style == "1" else 1
        last, begin = Section(heading.text, "", level), heading.end
    return [*sections, Section(last.heading, _text(lines[begin:]), last.level)]


def _headings(lines: list[str]) -> list[Heading]:
    underlined = [each for each in headings(lines) if _is_underlined(lines, each)]
    taken = {number for each in underlined for number in range(each.begin, each.end)}
    alone = [
        Heading(line.strip(), _style(lines, number), number, number + 1)
        for number, line in enumerate(lines)
        if number not in taken and _style(lines, number)
    ]
    return sorted([*underlined, *alone], key=lambda heading: heading.begin)


def _is_underlined(lines: list[str], heading: Heading) -> bool:
    return width(lines[heading.end - 1].rstrip()) >= _LEAST_UNDERLINE * width(heading.text)


def _style(lines: list[str], number: int) -> str:
    """Return how a line is set apart as a heading: ``"1"`` numbered, ``"-"`` otherwise, empty if it is none."""
    line, above = lines[number], lines[number - 1].strip() if number else ""
    text = line.strip()
    if above or not text or len(text) > LONGEST_HEADING or len(text.split()) > MOST_WORDS:
        return ""
    numbered = _NUMBERED.match(text)
    if _SENTENCE_END.search(text) or not _is_wording(text[numbered.end() - 1 :] if numbered else text):
        return ""
    below = lines[number + 1] if number + 1 < len(lines) else ""
    following = next((each for each in lines[number + 1 :] if each.strip()), "")
    if numbered and _IS_NUMBER.match(numbered["number"]) and not below.strip():
        return "1"
    at_margin = not line[0].isspace()
    if at_margin and following[:1].isspace():
        return "-"
    if not at_margin or below.strip() or text[0].islower():
        return ""
    return "-" if len(following.strip()) >= 2 * len(text) else ""


def _is_wording(text: str) -> bool:
    """Return whether a line begins with a letter or a digit and holds more letters than signs."""
    letters = sum(sign.isalpha() for sign in text)
    return text[0].isalnum() and 2 * letters >= len(text.replace(" ", ""))


def _blocks(lines: list[str]) -> list[Block]:
    blocks: list[Block] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line.rstrip())
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _text(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")
