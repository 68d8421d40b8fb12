"""The report of one checkpoint."""

from __future__ import annotations

from functools import reduce
from typing import Any

from posembed.records.card import CheckpointCard, TableCard
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import definitions, escaped, paragraphs, word_table
from posembed.report.terminal.inspect import facts, measured, plain_analysis, trained_sentence

MOST_TABLES = 6  # that are summed up first
NOT_DRAWN = "Not drawn, for the page's size: inspect this table alone."


def inspect_page(card: CheckpointCard) -> str:
    """Return the whole HTML file as text.

    Args:
        card: with whole analyses, and ``views`` of the tables to draw.
    """
    page = Page(f"Position tables of {card.checkpoint}")
    page.add('<section aria-labelledby="summary"><h2 id="summary">In short</h2>')
    page.add(paragraphs(_verdict(card), "verdict"))
    page.add(limits_table(card))
    page.add("</section>")
    for number, table in enumerate(card.position_tables):
        page.add(f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">{escaped(table.key)}</h2>')
        page.add(table_words(table))
        if table.views is not None:
            page.add_charts(table_charts(plain_analysis(table), table.views), NOT_DRAWN)
        page.add("</section>")
    if card.look_alikes:
        page.add('<section aria-labelledby="refused"><h2 id="refused">Not position tables</h2>')
        page.add(look_alikes_table(card))
        page.add("</section>")
    return page.to_html()


def limits_table(card: CheckpointCard) -> str:
    """Return the table of what limits the length of a text; empty where nothing does."""
    if not card.limits or not card.position_tables:
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
    return "".join([*parts, limits_table(card), look_alikes_table(card) if card.look_alikes else ""])


def _verdict(card: CheckpointCard) -> list[str]:
    """What a reader wants to know first."""
    tables = card.position_tables
    if not tables:
        return ["No learned position table was found."]
    sentences = []
    for table in tables[:MOST_TABLES]:
        size = f"{table.grid[0]} × {table.grid[1]} patches" if table.grid else f"{table.length} positions"
        sentence = f"{table.key}: {size}, usable length {table.usable_length}"
        if table.uncertain:
            sentence += ", but what its rows mean is uncertain"
        if table.analysis is not None and table.grid is None:
            sentence += f"; trained: {trained_sentence(plain_analysis(table)['trained_range'])}"
        sentences.append(sentence + ".")
    if card.limits and card.limits[0].what not in {table.key for table in tables}:
        lowest = card.limits[0]
        sentences.append(f"Texts are cut earlier than the table: {lowest.what} stops at {lowest.limit} tokens.")
    return sentences


def table_words(table: TableCard) -> str:
    """Return facts, measures and evidence of a table, in words."""
    pairs = [*facts(table), *measured(table)]
    pairs += [("evidence" if number == 0 else "", reason) for number, reason in enumerate(table.evidence)]
    words = definitions(pairs)
    if table.analysis is not None and "measures" in (analysis := plain_analysis(table)):
        words += f"<details><summary>All measures</summary>{measures_table(analysis)}</details>"
    return words


def measures_table(analysis: dict[str, Any]) -> str:
    """Every scalar measure, for each selection of rows."""
    measures = analysis["measures"]
    rows = []
    for path, words in _SCALARS:
        values = [reduce(lambda part, name: part and part.get(name), path, each) for each in measures]
        rows.append((words, *("–" if value is None else f"{value:.4g}" for value in values)))
    header = ["measure", *(f"{each['selection']} ({each['rows']} rows)" for each in measures)]
    return word_table("Measures of the table, centred by each selection's mean", header, rows)


_SCALARS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("similarity", "toeplitz_r2"), "translation invariance (Toeplitz R²)"),
    (("similarity", "monotonicity"), "monotonicity of similarity over distance"),
    (("similarity", "spearman"), "rank correlation of similarity and nearness"),
    (("spectrum", "effective_rank"), "effective rank"),
    (("spectrum", "participation_ratio"), "participation ratio"),
    (("position_probe", "mae"), "position probe: mean absolute error (5-fold)"),
    (("position_probe", "r2"), "position probe: R² (5-fold)"),
    (("position_probe", "holdout_mae"), "position probe: error on a held-out stretch"),
    (("position_probe", "holdout_r2"), "position probe: R² on it"),
    (("order_probe", "accuracy"), "order probe: accuracy"),
    (("spectrum", "helix", "r2"), "R² of a line and a helix on components 1–3"),
    (("spectrum", "helix", "period"), "its period (positions)"),
    (("spectrum", "sinusoid", "explained_share"), "variance that sinusoids explain"),
    (("spectrum", "sinusoid", "explained_share_random"), "that they explain of random rows"),
    (("spectrum", "sinusoid", "correlation"), "correlation with the sinusoid's cosines"),
)
