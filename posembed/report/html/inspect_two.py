"""The report of two checkpoints side by side."""

from __future__ import annotations

from typing import Any

from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.inspect import NOT_DRAWN
from posembed.report.html.page import Page
from posembed.report.html.table_charts import heat_chart, position_rows, positive
from posembed.report.html.words import escaped, paragraphs, word_table
from posembed.report.terminal.inspect import agreement, pair_title, positions_measures, side_by_side


def pair_page(pair: dict[str, Any]) -> str:
    """The whole HTML file as text.

    Args:
        pair: ``PairCard.to_dict()``, the tables of both sides with ``views``.
    """
    names = [pair[side]["checkpoint"] for side in ("first", "second")]
    page = Page(f"{names[0]} beside {names[1]}")
    cards = {side: {table["key"]: table for table in pair[side]["tables"]} for side in ("first", "second")}
    page.add('<section aria-labelledby="summary"><h2 id="summary">In short</h2>')
    for each in pair["pairs"]:
        page.add(paragraphs([f"{pair_title(each)}: {sentence}" for sentence in agreement(each)], "verdict"))
    for side, name in zip(("first", "second"), names, strict=True):
        page.add(paragraphs(f"Only in {name}: {key}." for key in pair["alone"][side]))
    page.add("</section>")
    for number, each in enumerate(pair["pairs"]):
        one, other = cards["first"][each["first"]], cards["second"][each["second"]]
        page.add(f'<section aria-labelledby="pair-{number}"><h2 id="pair-{number}">{escaped(pair_title(each))}</h2>')
        rows = [row for row in side_by_side(one, other) if row[0]]
        page.add(word_table("Side by side", ("", *names), rows))
        if one["views"] is not None and other["views"] is not None:
            page.add_charts(pair_charts(each, one, other), NOT_DRAWN)
        page.add("</section>")
    return page.to_html()


def pair_charts(pair: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> list[Chart]:
    """Rows against rows, norms and spectra over each other, heat maps side by side."""
    sides = [("first", one), ("second", other)]
    alone = [(name, positions_measures(table["analysis"])) for name, table in sides]
    norms = [Series(name, list(range(len(n))), n) for name, n in ((name, _norms(table)) for name, table in sides)]
    singular = [
        Series(name, list(range(1, len(values) + 1)), values)
        for name, values in ((n, positive(m["spectrum"]["singular_values"])) for n, m in alone)
        if values
    ]
    charts = [
        _rows_chart(pair),
        Chart("lines", "Norm of each position's row", "position", "Euclidean norm", _norm_words(norms), norms),
        heat_chart(one["views"], ": first"),
        heat_chart(other["views"], ": second"),
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


def _rows_chart(pair: dict[str, Any]) -> Chart:
    title = "The two rows of each position"
    cosines = pair["row_cosine"]
    if not cosines:
        return no_chart("lines", title, pair["remarks"][0] if pair["remarks"] else "no rows to compare")
    where = list(range(len(cosines)))
    series = [
        Series("cosine", where, cosines),
        Series("relative difference", where, pair["row_difference"], dash="dot"),
    ]
    reading = f"{pair['equal_positions']} of {pair['positions']} positions have equal rows."
    return Chart("lines", title, "position", "cosine; ‖a − b‖ / ‖a‖ (both without unit)", reading, series)


def _norms(table: dict[str, Any]) -> list[float]:
    analysis = table["analysis"]
    norms: list[float] = analysis["profile"]["norm"][position_rows(analysis["layout"])]
    return norms


def _norm_words(series: list[Series]) -> str:
    parts = [f"{each.name} {min(each.y):.3g} to {max(each.y):.3g}" for each in series]  # type: ignore[type-var]
    return "Norms: " + ", ".join(parts) + "."
