"""The page of an evaluation: verdict first, then charts and tables of what was measured."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from posembed.errors import ArgumentTypeError
from posembed.records.base import Json
from posembed.records.evaluation import EmbeddingResults, Evaluation, LanguageResults, RetrievalCell
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.notebook import render
from posembed.report.html.page import Page
from posembed.report.html.words import paragraphs, word_table
from posembed.report.terminal.evaluate import CHECKPOINT, evaluation_remarks, evaluation_tables, system_order

_DASHES = ("solid", "dash", "dot")


def evaluate_page(evaluation: Evaluation) -> str:
    """Return the whole HTML file as text."""
    page = Page("A checkpoint on long inputs")
    page.add('<section aria-labelledby="summary"><h2 id="summary">Verdict</h2>')
    page.add(paragraphs(evaluation.verdict, "verdict"))
    page.add("</section>")
    page.add('<section aria-labelledby="charts-heading"><h2 id="charts-heading">Charts</h2>')
    page.add_charts(result_charts(evaluation.results, evaluation))
    page.add("</section>")
    page.add('<section aria-labelledby="measured"><h2 id="measured">Measured</h2>')
    page.add(_measured(evaluation))
    page.add("</section>")
    page.add('<section aria-labelledby="how"><h2 id="how">How it was measured</h2>')
    against = "without an original" if evaluation.original is None else f"compared with {evaluation.original}"
    page.add(paragraphs([f"{evaluation.checkpoint}, {against}.", *_remarks(evaluation)]))
    page.add("</section>")
    return page.to_html()


@render.register
def show_evaluation(evaluation: Evaluation) -> str:
    """Return an evaluation as a notebook shows it: verdict, tables and remarks."""
    return paragraphs(evaluation.verdict) + _measured(evaluation) + paragraphs(_remarks(evaluation))


def _remarks(evaluation: Evaluation) -> list[str]:
    return [*(f"Note: {note}." for note in evaluation.notes), *evaluation_remarks(evaluation)]


def _measured(evaluation: Evaluation) -> str:
    return "".join(word_table(part.title, part.header, part.rows) for part in evaluation_tables(evaluation))


@functools.singledispatch
def result_charts(results: object, _evaluation: Evaluation) -> list[Chart]:
    """Return what was measured in charts; each kind of results registers its own."""
    raise ArgumentTypeError(f"{type(results).__name__} is not the results of an evaluation")


@result_charts.register
def _embedding(results: EmbeddingResults, evaluation: Evaluation) -> list[Chart]:
    """Accuracy by length of each task; by depth of the evidence, of the checkpoint."""
    tasks = evaluation.configuration.tasks or ()
    return [accuracy_chart(evaluation, _of_task(results, task), task) for task in tasks] + [
        depth_chart(_of_task(results, task), task) for task in tasks
    ]


def _of_task(results: EmbeddingResults, task: str) -> list[RetrievalCell]:
    return [cell for cell in results.cells if cell.task == task]


def accuracy_chart(evaluation: Evaluation, cells: Sequence[RetrievalCell], task: str) -> Chart:
    """Chart the accuracy of every system by length.

    Args:
        evaluation: the pool and the original's length are read from it.
        cells: those of the task.
        task: its name.
    """
    series = []
    for number, system in enumerate(drawn_systems(cells)):
        own = sorted((cell for cell in cells if cell.system == system), key=lambda cell: cell.length)
        series.append(
            Series(
                system,
                [cell.length for cell in own],
                [cell.accuracy.mean for cell in own],
                [cell.accuracy.low for cell in own],
                [cell.accuracy.high for cell in own],
                _DASHES[number % len(_DASHES)],
                color=number,
            )
        )
    title = f"{task.capitalize()} by length"
    if not series:
        return no_chart("lines", title, "no cell was measured")
    pool = evaluation.configuration.pool or 1
    return Chart(
        "lines",
        title,
        "length of the documents (tokens)",
        f"documents ranked first of {pool} (fraction)",
        f"Bands are 95 % intervals over documents; chance is {1 / pool:.2g}.{_drawn(cells, series)}",
        series,
        marks=_limit(evaluation, max(cell.length for cell in cells)),
    )


def _drawn(cells: Sequence[RetrievalCell], series: Sequence[Series]) -> str:
    more = len({cell.system for cell in cells}) - len(series)
    return f" One of each kind of baseline is drawn; the table has {more} more." if more else ""


def drawn_systems(cells: Sequence[RetrievalCell]) -> list[str]:
    """Return one system of each family, such as the shortest of the best chunks: a chart of all cannot be read.

    Args:
        cells: those of one task.
    """
    families: dict[str, str] = {}
    for system in system_order(cells):
        families.setdefault(system.rstrip("0123456789 "), system)
    return list(families.values())


def depth_chart(cells: Sequence[RetrievalCell], task: str) -> Chart:
    """Chart the checkpoint's accuracy by where the evidence lies, one line per length.

    Args:
        cells: those of the task.
        task: its name.
    """
    cells = [cell for cell in cells if cell.system == CHECKPOINT]
    title = f"{task.capitalize()} by depth"
    if not cells:
        return no_chart("lines", title, "the checkpoint takes none of these lengths")
    strata = len(cells[0].by_depth)
    middles = [100 * (k + 0.5) / strata for k in range(strata)]
    series = [
        Series(f"{cell.length} tokens", middles, cell.by_depth, dash=_DASHES[number % len(_DASHES)], color=number)
        for number, cell in enumerate(cells)
    ]
    reading = f"Each point is the mean of about {cells[0].documents // strata} documents."
    return Chart(
        "lines", title, "depth of the evidence (% of the document)", "ranked first (fraction)", reading, series
    )


@result_charts.register
def _language(results: LanguageResults, evaluation: Evaluation) -> list[Chart]:
    return [loss_chart(evaluation, results, length) for length in evaluation.configuration.lengths]


def loss_chart(evaluation: Evaluation, results: LanguageResults, length: int) -> Chart:
    """Chart the loss by position at one length, of the checkpoint and of the sliding window.

    Args:
        evaluation: the original's length is read from it.
        results: of the evaluation.
        length: tokens per document.
    """
    title = f"Loss by position, {length} tokens"
    series = []
    for number, cell in enumerate(cell for cell in results.cells if cell.length == length):
        measured = [(bucket, bucket.loss) for bucket in cell.buckets if bucket.loss is not None]
        middles = [(bucket.begin + bucket.end - 1) / 2 for bucket, _ in measured]
        losses = [loss for _, loss in measured]
        series.append(Series(cell.system, middles, losses, dash=_DASHES[number % len(_DASHES)], color=number))
    if not any(each.x for each in series):
        return no_chart("lines", title, "nothing was predicted")
    reading = "Each point is the mean over a range of positions, drawn at its middle."
    marks = _limit(evaluation, length)
    return Chart("lines", title, "position (tokens)", "loss (nats per token)", reading, series, marks=marks)


def _limit(evaluation: Evaluation, longest: int) -> list[dict[str, Json]]:
    """Return the mark over what is longer than the original's inputs."""
    limit = evaluation.configuration.original_usable_length
    name = "checkpoint" if evaluation.original is None else "original"
    return [{"from": limit, "to": longest, "label": f"longer than the {name} takes"}] if limit < longest else []
