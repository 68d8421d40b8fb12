"""The part of an inspected checkpoint's page that says what the model does when its positions move."""

from __future__ import annotations

from posembed.records.base import JsonObject
from posembed.records.behavior import Behavior, EffectiveRange, Measure, TableBehavior
from posembed.records.interval import Interval
from posembed.report.behavior import MEASURES, behavior_sentences, details, measures_of, placement_rows, title_of
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.page import Page
from posembed.report.html.words import escaped, paragraphs, word_table

NOT_DRAWN = "Not drawn, to keep the page small."


def add_behavior(page: Page, behavior: Behavior) -> None:
    """Add a section with the curves and the tables of placements."""
    page.add('<section aria-labelledby="behavior"><h2 id="behavior">When positions move</h2>')
    page.add(paragraphs(behavior_sentences(behavior)))
    for table in behavior.tables:
        page.add(f"<h3>{escaped(table.table)}</h3>")
        if table.effective_range is not None:
            page.add_charts([range_chart(table.effective_range, table.measure), start_chart(table)], NOT_DRAWN)
        page.add(placements_table(table) + paragraphs(details(table)))
    page.add("</section>")


def behavior_words(behavior: Behavior) -> str:
    """Return the section's words without its charts, for a notebook."""
    return "".join(placements_table(table) for table in behavior.tables)


def placements_table(table: TableBehavior) -> str:
    """Return the table of placements."""
    header = ("positions", *(MEASURES[name] for name in measures_of(table)))
    return word_table(title_of(table), header, placement_rows(table))


def range_chart(found: EffectiveRange, measure: Measure) -> Chart:
    """Return the curve of short texts over their first position, with the end that was found."""
    title = "Short texts, by where they start"
    if not found.curve:
        return no_chart("lines", title, "the table has too few positions")
    marks: list[JsonObject] = []
    if found.end is not None and found.low is not None and found.high is not None:
        marks.append({"from": found.low - 0.5, "to": max(found.high, found.low + 1) - 0.5, "label": f"end {found.end}"})
    series = _series(MEASURES[measure], list(found.starts), list(found.curve))
    x_title = f"first position of a text of {found.tokens} tokens"
    reading = found.sentence[:1].upper() + found.sentence[1:] + "."
    return Chart("lines", title, x_title, MEASURES[measure], reading, [series], marks=marks)


def start_chart(table: TableBehavior) -> Chart:
    """Return the curve of the longer texts, with the first token moved and kept."""
    lines, title, name = [], f"Texts of {table.tokens} tokens, by how far they move", table.measure
    for placement, words in (("start", "all tokens"), ("start, first kept", "all but the first")):
        points = [each for each in table.placements if each.name == placement]
        if points:
            places = [int(each.amount or 0) for each in points]
            lines.append(_series(words, places, [each.of(name) for each in points]))
    if not lines:
        return no_chart("lines", title, "the table has too few positions")
    last = lines[0]
    reading = f"At {last.x[-1]} positions further on: {MEASURES[name]} {last.y[-1]:.3g}."
    return Chart("lines", title, "positions moved by", MEASURES[name], reading, lines)


def _series(name: str, places: list[int], curve: list[Interval]) -> Series:
    return Series(
        name, places, [each.mean for each in curve], [each.low for each in curve], [each.high for each in curve]
    )
