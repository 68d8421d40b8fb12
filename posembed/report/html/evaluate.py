"""The report of an evaluation: verdict first, then what was measured."""

from __future__ import annotations

from typing import Any

from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.page import Page
from posembed.report.html.words import paragraphs, word_table
from posembed.report.terminal.evaluate import evaluation_remarks, evaluation_tables

Results = dict[str, Any]
_DASHES = ("solid", "dash", "dot")


def evaluate_page(results: Results) -> str:
    """The whole HTML file as text.

    Args:
        results: what ``posembed.evaluate`` returns.
    """
    page = Page("A checkpoint on long inputs")
    page.add('<section aria-labelledby="summary"><h2 id="summary">Verdict</h2>')
    page.add(paragraphs(results["verdict"], "verdict"))
    page.add("</section>")
    page.add('<section aria-labelledby="charts-heading"><h2 id="charts-heading">Charts</h2>')
    page.add_charts(_embedding_charts(results) if results["kind"] == "embedding" else _language_charts(results))
    page.add("</section>")
    page.add('<section aria-labelledby="measured"><h2 id="measured">Measured</h2>')
    for part in evaluation_tables(results):
        page.add(word_table(part.title, part.header, part.rows))
    page.add("</section>")
    page.add('<section aria-labelledby="how"><h2 id="how">How it was measured</h2>')
    original = "itself" if results["original"] is None else results["original"]
    page.add(paragraphs([f"{results['checkpoint']}, beside {original}.", *evaluation_remarks(results)]))
    page.add("</section>")
    return page.to_html()


def _embedding_charts(results: Results) -> list[Chart]:
    """Accuracy by length of each task; by depth of the evidence, of the checkpoint."""
    charts = [accuracy_chart(results, task) for task in results["configuration"]["tasks"]]
    return charts + [depth_chart(results, task) for task in results["configuration"]["tasks"]]


def accuracy_chart(results: Results, task: str) -> Chart:
    """Share of queries whose document came first, by length, of every system."""
    cells = [cell for cell in results["cells"] if cell["task"] == task]
    systems = list(dict.fromkeys(cell["system"] for cell in cells))
    series = []
    for number, system in enumerate(systems):
        own = sorted((cell for cell in cells if cell["system"] == system), key=lambda cell: cell["length"])
        mean, low, high = ([cell["accuracy"][part] for cell in own] for part in ("mean", "low", "high"))
        lengths = [cell["length"] for cell in own]
        series.append(Series(system, lengths, mean, low, high, _DASHES[number % 3], colour=number))
    title = f"{task.capitalize()} by length"
    if not series:
        return no_chart("lines", title, "no cell was measured")
    pool = results["configuration"]["pool"]
    return Chart(
        "lines",
        title,
        "length of the documents (tokens)",
        f"documents that came first of {pool} (share)",
        f"Bands are 95 % over documents; chance is {1 / pool:.2g}.",
        series,
        marks=_limit(results, max(max(each.x) for each in series)),
    )


def depth_chart(results: Results, task: str) -> Chart:
    """The checkpoint's share by where the evidence lies, a line for each length."""
    cells = [cell for cell in results["cells"] if cell["task"] == task and cell["system"] == "checkpoint"]
    title = f"{task.capitalize()} by depth"
    if not cells:
        return no_chart("lines", title, "the checkpoint takes none of these lengths")
    strata = len(cells[0]["by_depth"])
    middles = [100 * (k + 0.5) / strata for k in range(strata)]
    series = [
        Series(f"{cell['length']} tokens", middles, cell["by_depth"], dash=_DASHES[number % 3], colour=number)
        for number, cell in enumerate(cells)
    ]
    reading = f"Each point is {cells[0]['documents'] // strata} documents or about as many."
    return Chart("lines", title, "place of the evidence (% of the document)", "came first (share)", reading, series)


def _language_charts(results: Results) -> list[Chart]:
    return [loss_chart(results, length) for length in results["configuration"]["lengths"]]


def loss_chart(results: Results, length: int) -> Chart:
    """Loss by position at one length, of the checkpoint and of the sliding window."""
    cells = [cell for cell in results["cells"] if cell["length"] == length]
    title = f"Loss by position, {length} tokens"
    series = []
    for number, cell in enumerate(cells):
        parts = [part for part in cell["buckets"] if part["loss"] is not None]
        middles = [(part["from"] + part["to"] - 1) / 2 for part in parts]
        losses = [part["loss"] for part in parts]
        series.append(Series(cell["system"], middles, losses, dash=_DASHES[number % 3], colour=number))
    if not any(each.x for each in series):
        return no_chart("lines", title, "nothing was predicted")
    reading = "Each point is the mean of a stretch of positions, drawn at its middle."
    marks = _limit(results, length)
    return Chart("lines", title, "position (tokens)", "loss (nats per token)", reading, series, marks=marks)


def _limit(results: Results, most: float) -> list[dict[str, Any]]:
    """Where the original's inputs ended."""
    limit = results["configuration"]["original_usable_length"]
    return [{"from": limit, "to": most, "label": "longer than the original takes"}] if limit < most else []
