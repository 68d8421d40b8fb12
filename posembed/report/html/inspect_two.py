"""The page of two inspected checkpoints side by side, and how a notebook shows them."""

from __future__ import annotations

from posembed.records.card import PairCard, TableCard, TablesCompared
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.inspect import NOT_DRAWN
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.table_charts import positive
from posembed.report.html.view_charts import heat_chart
from posembed.report.html.words import escaped, paragraphs, word_table
from posembed.report.terminal.inspect import agreement, pair_title, side_by_side
from posembed.tables.measures.analysis import TableAnalysis


def pair_page(pair: PairCard) -> str:
    """Return the whole HTML file as text.

    Args:
        pair: with whole analyses, and ``views`` of the tables to draw.
    """
    page = Page(f"{pair.first.checkpoint} and {pair.second.checkpoint}")
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
    analyses: dict[str, TableAnalysis] = {"first": one.analysis, "second": other.analysis}
    norms = {name: each.profile.norm[each.layout.position_rows] for name, each in analyses.items()}
    ranges = ", ".join(f"{name} {min(values):.3g} to {max(values):.3g}" for name, values in norms.items())
    norm_series = [Series(name, list(range(len(values))), values) for name, values in norms.items()]
    charts = [
        _rows_chart(pair),
        Chart("lines", "Norm of each position's row", "position", "Euclidean norm", f"Norms: {ranges}.", norm_series),
        heat_chart(one.views, ": first"),
        heat_chart(other.views, ": second"),
    ]
    singular = {name: positive(each.positions.spectrum.singular_values) for name, each in analyses.items()}
    series = [Series(name, list(range(1, len(values) + 1)), values) for name, values in singular.items() if values]
    if series:
        ranks = " and ".join(f"{each.positions.spectrum.effective_rank:.1f}" for each in analyses.values())
        reading, unit = f"Effective ranks {ranks}.", "singular value of the centered rows"
        charts.append(Chart("lines", "Singular values", "component", unit, reading, series, log_y=True))
    return charts


def _rows_chart(pair: TablesCompared) -> Chart:
    title = "The two rows of each position"
    if not pair.row_cosine or pair.row_difference is None:
        return no_chart("lines", title, pair.remarks[0] if pair.remarks else "no rows to compare")
    where = list(range(len(pair.row_cosine)))
    series = [
        Series("cosine", where, pair.row_cosine),
        Series("relative difference", where, pair.row_difference, dash="dot"),
    ]
    reading = f"{pair.equal_positions} of {pair.positions} positions have equal rows."
    return Chart("lines", title, "position", "cosine; ‖a − b‖ / ‖a‖ (both without unit)", reading, series)
