"""The report of two checkpoints side by side."""

from __future__ import annotations

from posembed.records.card import PairCard, TableCard, TablesCompared
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.inspect import NOT_DRAWN
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.table_charts import heat_chart, position_rows, positive
from posembed.report.html.words import escaped, paragraphs, word_table
from posembed.report.terminal.inspect import agreement, pair_title, plain_analysis, positions_measures, side_by_side


def pair_page(pair: PairCard) -> str:
    """Return the whole HTML file as text.

    Args:
        pair: with whole analyses, and ``views`` of the tables to draw.
    """
    names = [card.checkpoint for card in (pair.first, pair.second)]
    page = Page(f"{names[0]} and {names[1]}")
    page.add('<section aria-labelledby="summary"><h2 id="summary">In short</h2>')
    page.add(_verdict(pair))
    page.add("</section>")
    for number, each in enumerate(pair.pairs):
        one, other = pair.tables_of(each)
        page.add(f'<section aria-labelledby="pair-{number}"><h2 id="pair-{number}">{escaped(pair_title(each))}</h2>')
        page.add(_side_by_side(pair, each))
        if one.views is not None and other.views is not None:
            page.add_charts(pair_charts(each, one, other), NOT_DRAWN)
        page.add("</section>")
    return page.to_html()


@render.register
def pair_for_notebook(pair: PairCard) -> str:
    """Return two checkpoints as a notebook shows them: where they agree, and their tables side by side."""
    tables = [f"<h4>{escaped(pair_title(each))}</h4>{_side_by_side(pair, each)}" for each in pair.pairs]
    return "".join([_verdict(pair), *tables])


def _verdict(pair: PairCard) -> str:
    parts = [
        paragraphs([f"{pair_title(each)}: {sentence}" for sentence in agreement(each)], "verdict")
        for each in pair.pairs
    ]
    for keys, card in ((pair.alone.first, pair.first), (pair.alone.second, pair.second)):
        parts.append(paragraphs(f"Only in {card.checkpoint}: {key}." for key in keys))
    return "".join(parts)


def _side_by_side(pair: PairCard, each: TablesCompared) -> str:
    rows = [row for row in side_by_side(*pair.tables_of(each)) if row[0]]
    return word_table("Side by side", ("", pair.first.checkpoint, pair.second.checkpoint), rows)


def pair_charts(pair: TablesCompared, one: TableCard, other: TableCard) -> list[Chart]:
    """Return the charts of two tables: rows compared, norms and spectra in one chart each, heat maps side by side."""
    sides = [("first", one), ("second", other)]
    alone = [(name, positions_measures(plain_analysis(table))) for name, table in sides]
    norms = [Series(name, list(range(len(n))), n) for name, n in ((name, _norms(table)) for name, table in sides)]
    singular = [
        Series(name, list(range(1, len(values) + 1)), values)
        for name, values in ((n, positive(m["spectrum"]["singular_values"])) for n, m in alone)
        if values
    ]
    charts = [
        _rows_chart(pair),
        Chart("lines", "Norm of each position's row", "position", "Euclidean norm", _norm_words(norms), norms),
        heat_chart(one.views, ": first"),
        heat_chart(other.views, ": second"),
    ]
    if singular:
        ranks = " and ".join(f"{m['spectrum']['effective_rank']:.1f}" for _, m in alone)
        charts.append(
            Chart(
                "lines",
                "Singular values",
                "component",
                "singular value of the centred rows",
                f"Effective ranks {ranks}.",
                singular,
                log_y=True,
            )
        )
    return charts


def _rows_chart(pair: TablesCompared) -> Chart:
    title = "The two rows of each position"
    cosines = pair.row_cosine
    if not cosines:
        return no_chart("lines", title, pair.remarks[0] if pair.remarks else "no rows to compare")
    where = list(range(len(cosines)))
    series = [
        Series("cosine", where, list(cosines)),
        Series("relative difference", where, list(pair.row_difference or ()), dash="dot"),
    ]
    reading = f"{pair.equal_positions} of {pair.positions} positions have equal rows."
    return Chart("lines", title, "position", "cosine; ‖a − b‖ / ‖a‖ (both without unit)", reading, series)


def _norms(table: TableCard) -> list[float]:
    analysis = plain_analysis(table)
    norms: list[float] = analysis["profile"]["norm"][position_rows(analysis["layout"])]
    return norms


def _norm_words(series: list[Series]) -> str:
    parts = [f"{each.name} {min(each.y):.3g} to {max(each.y):.3g}" for each in series]  # type: ignore[type-var]
    return "Norms: " + ", ".join(parts) + "."
