"""Text as HTML: everything that may come from a checkpoint is escaped here and nowhere else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from posembed.report.printable import printable

LONG_WORD = 22  # letters; a phone has no room for longer words beside a table's other columns


def escaped(text: object) -> str:
    r"""Return the text as HTML, on one line, with nothing that a browser or a terminal would interpret.

    Example:
        >>> escaped("<script>\n")
        '&lt;script&gt;\\n'
    """
    return html.escape(printable(text), quote=True)


def paragraphs(sentences: Iterable[object], style: str = "") -> str:
    """Return one ``<p>`` per sentence.

    Example:
        >>> paragraphs(["a < b"])
        '<p>a &lt; b</p>'
    """
    name = f' class="{style}"' if style else ""
    return "".join(f"<p{name}>{escaped(sentence)}</p>" for sentence in sentences)


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs of words as a definition list; an empty first word continues the one above.

    Example:
        >>> definitions([("rows", "16"), ("", "2 reserved")])
        '<dl><dt>rows</dt><dd>16</dd><dd>2 reserved</dd></dl>'
    """
    parts = []
    for name, value in pairs:
        parts.append((f"<dt>{escaped(name)}</dt>" if name else "") + f"<dd>{escaped(value)}</dd>")
    return f"<dl>{''.join(parts)}</dl>"


def word_table(caption: str, header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of words that scrolls by itself where it is too wide; each row's first cell is its heading."""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in header)
    body = "".join(
        "<tr>"
        + "".join(_cell(cell, 'th scope="row"' if place == 0 else "td") for place, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    label = escaped(caption)
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0"><table><caption>{label}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: object, tag: str) -> str:
    """Return a cell; only one with long words, such as a path, may be broken within a word, never a number."""
    text = str(cell)
    long = ' class="long"' if any(len(word) > LONG_WORD for word in text.split()) else ""
    return f"<{tag}{long}>{escaped(text)}</{tag.split()[0]}>"
