"""Read HTML: headings h1 to h6 and the text that a browser shows, without navigation and scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from posembed.quality.documents.document import Document, Section, compose, from_headings, one_line

Block = tuple[str, int]
"""A stretch of text and its rank as a heading, 0 for none."""

_HEADINGS = {f"h{rank}": rank for rank in range(1, 7)}
# Their content is no text of the document, or is shown on every page of a site.
_HIDDEN = frozenset(
    [
        *("script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "button", "nav"),
        *("aside", "footer", "head", "textarea"),
    ]
)
_HIDDEN_ROLES = frozenset({"navigation", "search", "banner", "contentinfo", "complementary"})
_MAIN_ROLE = "main"
# What begins a new line; anything else is part of a line of text.
_BLOCKS = frozenset(
    [
        *("address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "form", "header", "hr", "html", "li", "main", "ol", "p", "pre"),
        *("section", "summary", "table", "tbody", "tfoot", "thead", "title", "tr", "ul"),
    ]
)
# Blocks that pages put inside a heading; any other ends a heading that the page does not end.
_IN_HEADINGS = frozenset(["div"])
# What parts the words of a line.
_WITHIN_LINE = {"br": "\n", "td": " ", "th": " "}
# Elements without content, and those that end where the next one of their kind begins.
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_UNENDED = frozenset(["p", "li", "dt", "dd", "tr", "td", "th", "option"])
# Other generators put a sign beside a heading that links to it; a # only with a space, for a heading may end with C#.
_SIGN = re.compile("^[¶§🔗\u200b]\\s*|^#\\s+|\\s*[¶§🔗\u200b]$|\\s+#$")


def read_html(text: str) -> Document:
    """Return the document of an HTML page.

    The title is the first ``h1``, else the page's ``title``, else the first heading. If the page marks its main part,
    the rest of the page is left out.

    Example:
        >>> page = "<title>Cats - Zoo</title><nav>Home</nav><h1>Cats</h1><p>They <b>purr</b>.<script>x()</script>"
        >>> read_html(page)
        Document(title='Cats', sections=(Section(heading='', text='They purr.', level=0),))
    """
    page = _parse(text)
    sections = [Section("", "")]
    for content, rank in page.result():
        if rank:
            sections.append(Section(content, "", rank))
        else:
            last = sections[-1]
            sections[-1] = Section(last.heading, f"{last.text}\n\n{content}".lstrip("\n"), last.level)
    first = next((number for number, each in enumerate(sections) if each.level == 1), None)
    if first is not None:
        rest = [Section("", each.text) if number == first else each for number, each in enumerate(sections)]
        return compose(sections[first].heading, rest)
    title = one_line(page.title)
    return compose(title, sections) if title else from_headings(sections)


def read_blocks(text: str) -> list[Block]:
    """Return the stretches of text of a piece of HTML in their order."""
    return _parse(text).result()


def _parse(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    page.end_block()
    return page


class _Part:
    """An open element that is left out or is the main part: its tag, and how many of that tag are open in it."""

    def __init__(self, tag: str) -> None:
        self.tag, self.depth = tag, 1


class _Found:
    """Blocks of the whole page, and of its main part."""

    def __init__(self) -> None:
        self.everywhere: list[Block] = []
        self.main: list[Block] = []


class _Page(HTMLParser):
    """Collect text in blocks. The standard library's parser reads broken pages too, and needs no package."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.found = _Found()
        self.parts: list[str] = []
        self.rank = self.preformatted = 0
        self.hidden: _Part | None = None
        self.main: _Part | None = None
        self.in_title = False

    def result(self) -> list[Block]:
        """Return the blocks of the main part, or of the page where none is marked or it is empty."""
        return self.found.main or self.found.everywhere

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or a part that is left out."""
        if self.hidden is not None and not self._ends_hidden(tag):
            self.in_title = tag == "title" and self.hidden.tag == "head"
            self.hidden.depth += tag == self.hidden.tag
            return
        self.hidden = None
        given = dict(attrs)
        role = given.get("role") or ""
        if self.main is not None and tag == self.main.tag:
            self.main.depth += 1
        if self._begins_block(tag):
            self.end_block()
            self.rank = _HEADINGS.get(tag, 0)
        if tag in _WITHIN_LINE:
            self.parts.append(_WITHIN_LINE[tag])
        elif tag not in _VOID and (
            tag in _HIDDEN or role in _HIDDEN_ROLES or "hidden" in given or _is_link(tag, given)
        ):
            self.hidden = _Part(tag)
        elif self.main is None and (tag == "main" or role == _MAIN_ROLE):
            self.main = _Part(tag)
        self.preformatted += tag == "pre"
        self.in_title |= tag == "title"

    def handle_endtag(self, tag: str) -> None:
        """End a block, or a part that is left out."""
        if tag == "title":
            self.in_title = False
        if self.hidden is not None:
            self.hidden = _closed(self.hidden, tag)
            return
        if self._begins_block(tag):
            self.end_block()
            self.rank = 0
        self.preformatted = max(0, self.preformatted - (tag == "pre"))
        if self.main is not None:
            self.main = _closed(self.main, tag)

    def handle_data(self, data: str) -> None:
        """Collect text."""
        if self.in_title:
            self.title = self.title or data
        elif self.hidden is None:
            self.parts.append(data if self.preformatted else re.sub(r"\s+", " ", data))

    def _begins_block(self, tag: str) -> bool:
        return tag in _HEADINGS or (tag in _BLOCKS and not (self.rank and tag in _IN_HEADINGS))

    def _ends_hidden(self, tag: str) -> bool:
        """Return whether an element that is left out ends where another begins: many end tags need not be written."""
        assert self.hidden is not None
        return (self.hidden.tag, tag) == ("head", "body") or (tag == self.hidden.tag and tag in _UNENDED)

    def end_block(self) -> None:
        """Add what was collected since the last block."""
        text = "".join(self.parts)
        text = text.strip("\n").rstrip() if self.preformatted else re.sub(r" *\n *", "\n", text).strip()
        self.parts = []
        if self.rank:
            text = one_line(_SIGN.sub("", text.strip()))
        if not text.strip():
            return
        self.found.everywhere.append((text, self.rank))
        if self.main is not None:
            self.found.main.append((text, self.rank))


def _closed(part: _Part, tag: str) -> _Part | None:
    if tag == part.tag:
        part.depth -= 1
    return part if part.depth else None


def _is_link(tag: str, attributes: dict[str, str | None]) -> bool:
    """Return whether an element is the sign beside a heading that links to it, as Sphinx and Docusaurus write it."""
    names = (attributes.get("class") or "").lower().split()
    return tag == "a" and any(name in ("headerlink", "hash-link") for name in names)
