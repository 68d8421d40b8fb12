"""The page of one inspected checkpoint, and how a notebook shows its card."""

from __future__ import annotations

from posembed.records.card import CheckpointCard, TableCard
from posembed.report.behavior import behavior_sentences
from posembed.report.html.behavior import add_behavior, behavior_words
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import definitions, escaped, paragraphs, word_table
from posembed.report.terminal.inspect import facts, measured
from posembed.tables.measures.analysis import TableAnalysis
from posembed.tables.measures.registry import MEASURES
from posembed.tables.measures.trained import trained_sentence

MOST_TABLES = 6  # that are summed up first; more would push the measures off the first screen
NOT_DRAWN = "Not drawn, to keep the page small: inspect this table alone."


def inspect_page(card: CheckpointCard) -> str:
    """Return the whole HTML file as text.

    Args:
        card: with whole analyses, and ``views`` of the tables to draw.
    """
    page = Page(f"Position tables of {card.checkpoint}")
    page.add('<section aria-labelledby="summary"><h2 id="summary">In short</h2>')
    page.add(paragraphs(_verdict(card), "verdict"))
    page.add(limits_table(card))
    page.add(paragraphs(_history_and_notes(card)))
    page.add("</section>")
    for number, table in enumerate(card.position_tables):
        page.add(f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">{escaped(table.key)}</h2>')
        page.add(table_words(table))
        if table.views is not None:
            page.add_charts(table_charts(table.analysis, table.views), NOT_DRAWN)
        page.add("</section>")
    if card.behavior is not None:
        add_behavior(page, card.behavior)
    if card.look_alikes:
        page.add('<section aria-labelledby="refused"><h2 id="refused">Not position tables</h2>')
        page.add(look_alikes_table(card))
        page.add("</section>")
    return page.to_html()


def limits_table(card: CheckpointCard) -> str:
    """Return the table of what limits the length of a text; empty where nothing does."""
    if not card.shows_limits:
        return ""
    rows = [(f"{limit.limit:,}", limit.what, limit.why) for limit in card.limits]
    return word_table("What limits the length of a text", ("tokens", "where", "what happens there"), rows)


def look_alikes_table(card: CheckpointCard) -> str:
    """Return the table of tensors that are not position tables."""
    rows = [(table.key, str(table.refused)) for table in card.look_alikes]
    return word_table("Tensors that only look like one", ("tensor", "why"), rows)


@render.register
def card_for_notebook(card: CheckpointCard) -> str:
    """Return a card as a notebook shows it: the verdict, each table in words, limits and look-alikes."""
    parts = [paragraphs(_verdict(card))]
    parts += [f"<h4>{escaped(table.key)}</h4>{table_words(table)}" for table in card.position_tables]
    parts += [] if card.behavior is None else [behavior_words(card.behavior)]
    parts += [limits_table(card), paragraphs(_history_and_notes(card))]
    return "".join([*parts, look_alikes_table(card) if card.look_alikes else ""])


def _history_and_notes(card: CheckpointCard) -> list[str]:
    made = [f"History: {table.sentence(step.source)}." for step in card.history for table in step.tables]
    return [*made, *(f"Note: {note}." for note in card.notes)]


def _verdict(card: CheckpointCard) -> list[str]:
    """Return what a reader wants to know first."""
    tables = card.position_tables
    if not tables:
        return ["No learned position table was found."]
    sentences = []
    for table in tables[:MOST_TABLES]:
        size = f"{table.grid[0]} × {table.grid[1]} patches" if table.grid else f"{table.length} positions"
        use = "unused" if table.unused else f"usable length {table.usable_length}"
        sentence = f"{table.key}: {size}, {use}"
        if table.uncertain:
            sentence += ", but what its rows mean is uncertain"
        if isinstance(table.analysis, TableAnalysis) and table.grid is None:
            sentence += f"; trained: {trained_sentence(table.analysis.trained_range)}"
        sentences.append(sentence + ".")
    if card.behavior is not None:
        sentences += behavior_sentences(card.behavior)
    lowest = next((limit for limit in card.limits if not limit.of_queries), None)
    if lowest is not None and lowest.what not in {table.key for table in card.tables}:
        sentences.append(f"Texts are cut before the table ends: {lowest.what} stops at {lowest.limit} tokens.")
    return sentences


def table_words(table: TableCard) -> str:
    """Return the facts, measures and evidence of a table, in words."""
    lines = [*facts(table), *measured(table)]
    lines += [("evidence" if number == 0 else "", reason) for number, reason in enumerate(table.evidence)]
    words = definitions(lines)
    if isinstance(table.analysis, TableAnalysis):
        words += f"<details><summary>All measures</summary>{measures_table(table.analysis)}</details>"
    return words


def measures_table(analysis: TableAnalysis) -> str:
    """Return every single number that the measures name, for each selection of rows."""
    scalars = [(measure.name, scalar) for measure in MEASURES for scalar in measure.scalars]
    rows = []
    for name, scalar in sorted(scalars, key=lambda each: each[1].detail):
        groups = [getattr(each, name) for each in analysis.measures]
        values = [None if group is None else scalar.value(group) for group in groups]
        rows.append((scalar.words, *("–" if value is None else f"{value:.4g}" for value in values)))
    header = ["measure", *(f"{each.selection} ({each.rows} rows)" for each in analysis.measures)]
    return word_table("Measures of the table, centered by each selection's mean", header, rows)
