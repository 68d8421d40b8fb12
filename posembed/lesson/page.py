"""The lesson as one HTML file that needs no network."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from importlib import resources

from posembed.layout import TableLayout
from posembed.lesson.blocks import Block, Charts, Code, Layouts, Points, Quiz, Section, Widget, Words
from posembed.lesson.content import TITLE
from posembed.lesson.questions import LETTERS, QUESTIONS, Question
from posembed.report.html.page import Page
from posembed.report.html.words import escaped, word_table
from posembed.report.text_table import TextTable


def lesson_page(sections: Sequence[Section]) -> str:
    """Return the whole file as text."""
    assets = resources.files("posembed.lesson") / "assets"
    style, script = ((assets / name).read_text(encoding="utf-8") for name in ("lesson.css", "lesson.js"))
    page = Page(TITLE, noun="lesson", style=style, script=script)
    page.add(
        '<noscript><p class="verdict">The interactive parts and the answers of the quiz need JavaScript; the tables '
        "below them do not.</p></noscript>"
    )
    links = "".join(f'<li><a href="#part-{n}">{escaped(s.title)}</a></li>' for n, s in enumerate(sections))
    page.add(f'<nav aria-label="Contents"><ol>{links}</ol></nav>')
    for number, section in enumerate(sections):
        name = f"part-{number}"
        page.add(f'<section aria-labelledby="{name}"><h2 id="{name}">{number + 1}. {escaped(section.title)}</h2>')
        for block in section.blocks:
            _add(page, block)
        page.add("</section>")
    return page.to_html()


def _add(page: Page, block: Block) -> None:
    match block:
        case Words():
            page.add(f"<p>{marked(block.text)}</p>")
        case Points():
            page.add(f"<ul>{''.join(f'<li>{marked(item)}</li>' for item in block.items)}</ul>")
        case Code():
            page.add(f'<pre tabindex="0"><code>{html.escape(block.source)}</code></pre>')
            page.add(
                f'<pre class="printed" tabindex="0" aria-label="What it printed">{html.escape(block.output)}</pre>'
            )
        case TextTable():
            page.add(word_table(block.title, block.header, block.rows))
        case Charts():
            page.add_charts(block.charts)
        case Layouts():
            page.add(_layouts(block))
        case Widget():
            number = page.add_data(block.data)
            title = block.words.title.removesuffix(block.note).strip()  # here the note stands above the table already
            words = word_table(title, block.words.header, block.words.rows)
            note = f'<p class="quiet">{escaped(block.note)}</p>' if block.note else ""
            page.add(
                f'<div class="widget" data-kind="{block.kind}" data-number="{number}" role="group" '
                f'aria-label="{escaped(block.title)}"><h3>{escaped(block.title)}</h3></div>'
                f"{note}<details><summary>As a table</summary>{words}</details>"
            )
        case Quiz():
            page.add(_quiz())


def marked(text: str) -> str:
    """Return text with `code` and **strong** words as HTML.

    Example:
        >>> marked("a `b` **c** <d>")
        'a <code>b</code> <strong>c</strong> &lt;d&gt;'
    """
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", coded)


def _layouts(block: Layouts) -> str:
    longest = max(layout.rows for _, layout, _ in block.tables)
    bars = "".join(_bar(name, layout, source, longest) for name, layout, source in block.tables)
    return (
        f'<div class="layouts">{bars}<p class="quiet">Lengths are to scale; reserved rows are drawn wider, or two of '
        "them would not be visible.</p></div>"
    )


def _bar(name: str, layout: TableLayout, source: str, longest: int) -> str:
    places = layout.position_rows
    reserved = ""
    if layout.reserved:
        label = f"{layout.reserved} reserved rows, 0 to {layout.reserved - 1}"
        reserved = f'<span class="reserved" title="{label}">{layout.reserved}</span>'
    words = f"positions 0 to {layout.positions - 1} on rows {places.start} to {places.stop - 1}"
    return (
        f'<div class="layout"><strong>{escaped(name)}</strong> {layout.rows:,} rows: '
        f"{f'{layout.reserved} reserved, ' if layout.reserved else ''}{words}"
        f'<div class="bar" style="width: {100 * layout.rows / longest:.2f}%" title="{escaped(source)}">{reserved}'
        f'<span class="positions">{layout.usable_length:,}</span></div></div>'
    )


def _quiz() -> str:
    questions = "".join(_question(number, question) for number, question in enumerate(QUESTIONS, start=1))
    return (
        "<p>Choose with the mouse, with Tab and Enter, or with the letters A to D. Each answer is followed by what the "
        "library computed when this page was written. In the terminal: <code>posembed quiz</code>.</p>"
        f'<div id="quiz">{questions}</div>'
        f'<p id="score" class="verdict" role="status">Score: 0 of {len(QUESTIONS)}, 0 answered.</p>'
        '<p><button type="button" id="again">Start again</button></p>'
    )


def _question(number: int, question: Question) -> str:
    options = "".join(
        f'<button type="button" data-letter="{letter}"><b>{letter}</b> {escaped(option)}</button>'
        for letter, option in zip(LETTERS, question.options, strict=True)
    )
    proof = "".join(f"<code>{escaped(line)}</code>" for line in question.proof())
    return (
        f'<fieldset data-right="{question.right}"><legend>{number}. {escaped(question.text)}</legend>'
        f'<div class="options">{options}</div><div class="outcome" role="status"></div>'
        f'<div class="proof" hidden>{proof}</div></fieldset>'
    )
