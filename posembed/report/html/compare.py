"""The report of a comparison: verdict first, then what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.page import Page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import escaped, paragraphs, word_table
from posembed.report.plots import read_position_rows
from posembed.report.terminal import compare as text
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.plot_data import table_views

DASHES = {"direct": "solid", "tile": "dash", "linear": "dot"}


def compare_page(results: dict[str, Any], tables: dict[str, dict[str, Any]]) -> str:
    """The whole HTML file as text.

    Args:
        results: what ``results.json`` holds.
        tables: trained tables by name, each with ``analysis`` and ``views``.
    """
    page = Page("Position encodings compared")
    page.add('<section aria-labelledby="summary"><h2 id="summary">Verdict</h2>')
    page.add(paragraphs(results["verdict"] or ["Nothing was compared: fewer than two arms finished."], "verdict"))
    page.add("</section>")
    page.add('<section aria-labelledby="measured"><h2 id="measured">Measured</h2>')
    for part in text.tables(results):
        page.add(word_table(part.title, part.header, part.rows))
    page.add("</section>")
    page.add('<section aria-labelledby="charts-heading"><h2 id="charts-heading">Charts</h2>')
    page.add_charts([position_chart(results), beyond_chart(results), curve_chart(results)])
    page.add("</section>")
    for number, (name, table) in enumerate(tables.items()):
        page.add(f'<section aria-labelledby="table-{number}"><h2 id="table-{number}">Table of {escaped(name)}</h2>')
        page.add_charts(table_charts(table["analysis"], table["views"]))
        page.add("</section>")
    page.add('<section aria-labelledby="how"><h2 id="how">How it was measured</h2>')
    page.add(paragraphs(text.remarks(results)))
    page.add("</section>")
    return page.to_html()


def trained_tables(results: dict[str, Any], out: Path) -> dict[str, dict[str, Any]]:
    """What :func:`compare_page` draws of each trained table: that of the first seed that finished.

    Args:
        results: what ``results.json`` holds.
        out: the folder of the comparison.

    Raises:
        WorkFailedError: if a table's file is damaged.
    """
    tables = {}
    for arm in results["arms"]:
        if arm["seeds"] and arm["cost"]["parameters"]:
            name = f"{arm['encoding']}-seed{arm['seeds'][0]}"
            file = out / "tables" / f"{name}.safetensors"
            if file.exists():
                rows = read_position_rows(file)
                tables[name] = {"analysis": analyze_table(rows).to_dict(), "views": table_views(rows)}
    return tables


def position_chart(results: dict[str, Any]) -> Chart:
    """Loss at each position at the training length, with bands over documents; and at twice it."""
    length = results["configuration"]["train_length"]
    title = "Loss per position"
    series = []
    for number, arm in enumerate(results["arms"]):
        if arm["per_position"] is None:
            continue
        mean, error = arm["per_position"]["mean"], arm["per_position"]["standard_error"]
        low, high = (
            [None if m is None or e is None else m + k * e for m, e in zip(mean, error, strict=True)]
            for k in (-1.96, 1.96)
        )
        series.append(Series(arm["encoding"], list(range(len(mean))), mean, low, high, colour=number))
        for entry in arm["beyond"]:
            if entry["factor"] == 2.0 and entry["per_position"]:
                tail = entry["per_position"][length:]
                where = list(range(length, length + len(tail)))
                label = f"{arm['encoding']}, {entry['method']} beyond"
                series.append(Series(label, where, tail, dash=DASHES[entry["method"]], colour=number))
    if not series:
        return no_chart("lines", title, "no arm finished")
    longest = max(each.x[-1] for each in series)
    marks = [{"from": length - 0.5, "to": longest, "label": "not seen in training"}] if longest >= length else []
    return Chart(
        "lines",
        title,
        "position (tokens)",
        "loss (nats per token)",
        f"Trained on positions 0 to {length - 1}; bands are 95 % over documents.",
        series,
        marks=marks,
    )


def beyond_chart(results: dict[str, Any]) -> Chart:
    """Loss of the tokens past the training length, by how much longer the input is."""
    title = "Beyond the training length"
    series = []
    errors = []
    for number, arm in enumerate(results["arms"]):
        for method in ("direct", "tile", "linear"):
            points = [
                (entry["factor"], entry["loss_beyond"] or entry["loss"])
                for entry in arm["beyond"]
                if entry["method"] == method and entry["loss"] is not None
            ]
            points = [(factor, loss) for factor, loss in points if loss["mean"] is not None]
            label = arm["encoding"] if method == "direct" else f"{arm['encoding']} + {method}"
            if points:
                x = [factor for factor, _ in points]
                mean, low, high = ([loss[name] for _, loss in points] for name in ("mean", "low", "high"))
                series.append(Series(label, x, mean, low, high, DASHES[method], colour=number))
        if any(e["method"] == "direct" and e["loss"] is None for e in arm["beyond"]):
            errors.append(arm["encoding"])
    if not series:
        return no_chart("lines", title, "nothing was measured past the training length")
    reading = "Loss of the tokens past the training length (at 1×: of all), with 95 % intervals."
    if errors:
        reading += f" Without rows for longer inputs, so an error: {', '.join(errors)}."
    return Chart("lines", title, "input length ÷ training length", "loss (nats per token)", reading, series)


def curve_chart(results: dict[str, Any]) -> Chart:
    """Validation loss during training."""
    title = "Training curves"
    series = [
        Series(
            arm["encoding"] if len(arm["curves"]) == 1 else f"{arm['encoding']}, seed {curve['seed']}",
            [point["step"] for point in curve["points"]],
            [point["validation"] for point in curve["points"]],
            colour=number,
            dash=("solid", "dash", "dot")[place % 3],
        )
        for number, arm in enumerate(results["arms"])
        for place, curve in enumerate(arm["curves"])
        if curve["points"]
    ]
    if not series:
        return no_chart("lines", title, "no arm reached its first evaluation")
    ends = ", ".join(f"{each.name} {each.y[-1]:.3f}" for each in series if each.y[-1] is not None)
    return Chart("lines", title, "step", "validation loss (nats per token)", f"Last values: {ends}.", series)
