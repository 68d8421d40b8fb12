"""The report of one checkpoint."""

from __future__ import annotations

from functools import reduce
from typing import Any

from posembed.report.html.page import Page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import definitions, escaped, paragraphs, word_table
from posembed.report.terminal.inspect import facts, measured, trained_sentence

MOST_TABLES = 6  # that are summed up first
NOT_DRAWN = "Not drawn, for the page's size: name this table with --table."


def inspect_page(card: dict[str, Any]) -> str:
    """The whole HTML file as text.

    Args:
        card: ``CheckpointCard.to_dict()`` with full analyses, and ``views`` beside each.
    """
    page = Page(f"Position tables of {card['checkpoint']}")
    tables = [table for table in card["tables"] if table["refused"] is None]
    page.add('<section aria-labelledby="summary"><h2 id="summary">In short</h2>')
    page.add(paragraphs(_verdict(card, tables), "verdict"))
    if card["limits"] and tables:
        rows = [(f"{limit['limit']:,}", limit["what"], limit["why"]) for limit in card["limits"]]
        page.add(word_table("What limits the length of a text", ("tokens", "where", "what happens there"), rows))
    page.add("</section>")
    for number, table in enumerate(tables):
        page.add(f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">{escaped(table["key"])}</h2>')
        page.add(table_words(table))
        if table["views"] is not None:
            page.add_charts(table_charts(table), NOT_DRAWN)
        page.add("</section>")
    refused = [table for table in card["tables"] if table["refused"] is not None]
    if refused:
        page.add('<section aria-labelledby="refused"><h2 id="refused">Refused</h2>')
        reasons = [(table["key"], table["refused"]) for table in refused]
        page.add(word_table("Not learned absolute positions", ("tensor", "why"), reasons))
        page.add("</section>")
    return page.to_html()


def _verdict(card: dict[str, Any], tables: list[dict[str, Any]]) -> list[str]:
    """What a reader wants to know first."""
    if not tables:
        return ["No learned position table was found."]
    sentences = []
    for table in tables[:MOST_TABLES]:
        size = f"{table['grid'][0]} × {table['grid'][1]} patches" if table["grid"] else f"{table['length']} positions"
        sentence = f"{table['key']}: {size}, usable length {table['usable_length']}"
        if table["uncertain"]:
            sentence += ", but what its rows mean is uncertain"
        if table["analysis"] is not None and table["grid"] is None:
            sentence += f"; trained: {trained_sentence(table['analysis']['trained_range'])}"
        sentences.append(sentence + ".")
    if card["limits"] and card["limits"][0]["what"] not in {table["key"] for table in tables}:
        lowest = card["limits"][0]
        sentences.append(f"Texts are cut earlier than the table: {lowest['what']} stops at {lowest['limit']} tokens.")
    return sentences


def table_words(table: dict[str, Any]) -> str:
    """Facts, measures and evidence of a table, in words."""
    pairs = [*facts(table), *measured(table)]
    pairs += [("evidence" if number == 0 else "", reason) for number, reason in enumerate(table["evidence"])]
    words = definitions(pairs)
    if table["analysis"] is not None and "measures" in table["analysis"]:
        words += f"<details><summary>All measures</summary>{measures_table(table['analysis'])}</details>"
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
