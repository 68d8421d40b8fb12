"""The page of a comparison: verdict first, then what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posembed.records.base import JsonObject
from posembed.records.comparison import Arm, Comparison
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import escaped, paragraphs, word_table
from posembed.report.plots import BAND, DOUBLE, read_position_rows
from posembed.report.terminal import compare as text
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.plot_data import table_views

DASHES = {"direct": "solid", "tile": "dash", "linear": "dot"}
SEED_DASHES = ("solid", "dash", "dot")


def compare_page(results: Comparison, tables: Mapping[str, NDArray[np.floating]]) -> str:
    """Return the whole HTML file as text.

    Args:
        results: the comparison.
        tables: rows of the trained tables by name, as :func:`trained_tables` reads them.
    """
    page = Page("Position encodings compared")
    page.add('<section aria-labelledby="summary"><h2 id="summary">Verdict</h2>')
    page.add(paragraphs(results.verdict or ["Nothing was compared: fewer than two arms finished."], "verdict"))
    page.add("</section>")
    page.add('<section aria-labelledby="measured"><h2 id="measured">Measured</h2>')
    page.add(_measured(results))
    page.add("</section>")
    page.add('<section aria-labelledby="charts-heading"><h2 id="charts-heading">Charts</h2>')
    page.add_charts([position_chart(results), beyond_chart(results), curve_chart(results)])
    page.add("</section>")
    for number, (name, rows) in enumerate(tables.items()):
        page.add(f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">Table of {escaped(name)}</h2>')
        page.add_charts(table_charts(analyze_table(rows), table_views(rows)))
        page.add("</section>")
    page.add('<section aria-labelledby="how"><h2 id="how">How it was measured</h2>')
    page.add(paragraphs(text.remarks(results)))
    page.add("</section>")
    return page.to_html()


@render.register
def show_comparison(results: Comparison) -> str:
    """Return a comparison as a notebook shows it: verdict, tables and remarks."""
    return paragraphs(results.verdict) + _measured(results) + paragraphs(text.remarks(results))


def _measured(results: Comparison) -> str:
    return "".join(word_table(part.title, part.header, part.rows) for part in text.tables(results))


def trained_tables(results: Comparison, out: Path) -> dict[str, NDArray[np.floating]]:
    """Read the trained table of each encoding that has one, of the first seed that finished.

    Args:
        results: the comparison.
        out: its folder.

    Raises:
        WorkFailedError: if a file is damaged.
    """
    tables = {}
    for arm in results.arms:
        if arm.seeds and arm.cost is not None and arm.cost.parameters:
            name = f"{arm.encoding}-seed{arm.seeds[0]}"
            file = out / "tables" / f"{name}.safetensors"
            if file.exists():
                tables[name] = read_position_rows(file)
    return tables


def position_chart(results: Comparison) -> Chart:
    """Return the chart of the loss at each position: at the training length, and at twice it."""
    length = results.configuration.train_length
    title = "Loss per position"
    series = [each for number, arm in enumerate(results.arms) for each in _by_position(arm, length, number)]
    if not series:
        return no_chart("lines", title, "no arm finished")
    longest = max(each.x[-1] for each in series)
    marks: list[JsonObject] = []
    if longest >= length:
        marks.append({"from": length - 0.5, "to": longest, "label": "not seen in training"})
    return Chart(
        "lines",
        title,
        "position (tokens)",
        "loss (nats per token)",
        f"Trained on positions 0 to {length - 1}; bands are 95 % over documents.",
        series,
        marks=marks,
    )


def _by_position(arm: Arm, length: int, number: int) -> list[Series]:
    if arm.per_position is None:
        return []
    mean, error = arm.per_position.mean, arm.per_position.standard_error
    low, high = (
        [None if m is None or e is None else m + k * e for m, e in zip(mean, error, strict=True)] for k in (-BAND, BAND)
    )
    series = [Series(arm.encoding, list(range(len(mean))), mean, low, high, color=number)]
    for entry in arm.beyond:
        if entry.factor == DOUBLE and entry.per_position:
            tail = entry.per_position[length:]
            where = list(range(length, length + len(tail)))
            label = f"{arm.encoding}, {entry.method} beyond"
            series.append(Series(label, where, tail, dash=DASHES[entry.method], color=number))
    return series


def beyond_chart(results: Comparison) -> Chart:
    """Return the chart of the loss past the training length, by how much longer the input is."""
    title = "Beyond the training length"
    series = [each for number, arm in enumerate(results.arms) for each in _by_factor(arm, number)]
    if not series:
        return no_chart("lines", title, "nothing was measured past the training length")
    reading = "Loss of the tokens past the training length (at 1×: of all), with 95 % intervals."
    errors = [arm.encoding for arm in results.arms if any(entry.ended for entry in arm.beyond)]
    if errors:
        reading += f" Without rows for longer inputs, so an error: {', '.join(errors)}."
    return Chart("lines", title, "input length ÷ training length", "loss (nats per token)", reading, series)


def _by_factor(arm: Arm, number: int) -> list[Series]:
    series = []
    for method in text.METHODS:
        shown = [(entry.factor, entry.shown) for entry in arm.measured(method)]
        points = [(factor, loss) for factor, loss in shown if loss is not None and loss.mean is not None]
        if points:
            x = [factor for factor, _ in points]
            mean, low, high = zip(*((loss.mean, loss.low, loss.high) for _, loss in points), strict=True)
            series.append(Series(arm.label(method), x, mean, low, high, DASHES[method], color=number))
    return series


def curve_chart(results: Comparison) -> Chart:
    """Return the chart of the validation loss during training."""
    title = "Training curves"
    series = [
        Series(
            arm.encoding if len(arm.curves) == 1 else f"{arm.encoding}, seed {curve.seed}",
            [point.step for point in curve.points],
            [point.validation for point in curve.points],
            color=number,
            dash=SEED_DASHES[place % len(SEED_DASHES)],
        )
        for number, arm in enumerate(results.arms)
        for place, curve in enumerate(arm.curves)
        if curve.points
    ]
    if not series:
        return no_chart("lines", title, "no arm reached its first evaluation")
    ends = ", ".join(f"{each.name} {each.y[-1]:.3f}" for each in series if each.y[-1] is not None)
    return Chart("lines", title, "step", "validation loss (nats per token)", f"Last values: {ends}.", series)
