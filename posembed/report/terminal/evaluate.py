"""An evaluation as tables of words and sentences, and how they are printed in a terminal."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Sequence

from rich.console import Console

from posembed.errors import ArgumentTypeError, first_names
from posembed.records.evaluation import (
    DocumentInterval,
    EmbeddingResults,
    Evaluation,
    LanguageResults,
    RetrievalCell,
)
from posembed.report.numbers import MISSING, interval, number
from posembed.report.printable import printable
from posembed.report.terminal.own_retrieval import own_tables
from posembed.report.text_table import TextTable

CHECKPOINT = "checkpoint"
# Names of tied systems that a row lists: more would make it wider than a screen.
_MOST_TIES = 2
COSTS = ("vectors per document", "ms per query")
BASELINES = (
    "All systems but the checkpoint and late chunks use the original; N is in tokens, special ones included. "
    "truncated N: the first N tokens (without a number: as many as its table allows; another number is the limit that "
    "its files store). chunks averaged N: mean of the vectors of chunks of N tokens. first + average N: that mean and "
    "half of the first chunk's vector. best chunk N: every chunk has a vector, and the best one counts. late chunk N: "
    "the same with chunks pooled from one pass of the checkpoint. word vectors: mean of the input word vectors, "
    "weighted by inverse document frequency. BM25 counts words. A dash: not measured, or the same as truncated (a late "
    "chunk: as the checkpoint)."
)
SYNTHETIC = (
    " The tasks are of LongEmbed's kind; they are not LongEmbed. Passkeys and needles compare position tables only: "
    "BM25, which counts words, finds nearly all of them, so a gain there says little about titles, topics or other "
    "queries."
)


@functools.singledispatch
def result_tables(results: object, _evaluation: Evaluation) -> list[TextTable]:
    """Return what was measured in tables; each kind of results registers its own."""
    raise ArgumentTypeError(f"{type(results).__name__} is not the results of an evaluation")


@functools.singledispatch
def result_remarks(results: object) -> tuple[str, str]:
    """Return the test behind the p-values, and a sentence about the tasks; each kind of results registers its own."""
    raise ArgumentTypeError(f"{type(results).__name__} is not the results of an evaluation")


def evaluation_tables(evaluation: Evaluation) -> list[TextTable]:
    """Return the numbers of an evaluation in tables."""
    return result_tables(evaluation.results, evaluation)


@result_tables.register
def _language(results: LanguageResults, evaluation: Evaluation) -> list[TextTable]:
    """Loss by position at each length, by the checkpoint and by the sliding window."""
    tables = []
    for length in evaluation.configuration.lengths:
        cells = [cell for cell in results.cells if cell.length == length]
        header = ("", "all", *(f"{bucket.begin} to {bucket.end}" for bucket in cells[0].buckets))
        rows = [
            (cell.system, _interval(cell.loss, 3), *(number(bucket.loss) for bucket in cell.buckets)) for cell in cells
        ]
        tables.append(TextTable(f"Loss in nats per token at {length} tokens, by position", header, rows))
    return [*tables, *_choices(results)]


def _choices(results: LanguageResults) -> list[TextTable]:
    """Next sentences by length and system."""
    if not results.choices:
        return []
    lengths = sorted({cell.length for cell in results.choices})
    rows = []
    for system in dict.fromkeys(cell.system for cell in results.choices):
        cells = {cell.length: cell for cell in results.choices if cell.system == system}
        rows.append((system, *(_interval(cells[n].accuracy, 2) if n in cells else MISSING for n in lengths)))
    title = "Next sentence, told from seven others by its likelihood (chance 0.12); the evidence is past the old length"
    return [TextTable(title, ("", *(f"{length} tokens" for length in lengths)), rows)]


@result_tables.register
def _embedding(results: EmbeddingResults, evaluation: Evaluation) -> list[TextTable]:
    """Own data; accuracy by task, system and length; by depth of the evidence; short inputs."""
    tasks = [*_accuracy(results, evaluation), _depths(results)] if results.cells else []
    return [*own_tables(results.own), *_recommended(results), *tasks, *_short(results)]


def _recommended(results: EmbeddingResults) -> list[TextTable]:
    if not results.recommendations:
        return []
    rows = []
    for each in results.recommendations:
        stored = "none" if each.vectors_per_document is None else f"{each.vectors_per_document:.3g}"
        tokens = ", ".join(map(str, each.lengths))
        tied = first_names(each.ties, _MOST_TIES) if each.ties else MISSING
        rows.append((each.task, tokens, each.budget, each.system, _interval(each.accuracy, 2), stored, tied))
    header = ("task", "tokens", "budget", "use", "ranked first", "vectors per document", "tied with")
    return [TextTable("Which system to use for documents longer than the original takes", header, rows)]


def _accuracy(results: EmbeddingResults, evaluation: Evaluation) -> list[TextTable]:
    tables = []
    for task in dict.fromkeys([*(evaluation.configuration.tasks or ()), *(cell.task for cell in results.cells)]):
        own = [cell for cell in results.cells if cell.task == task]
        lengths = sorted({cell.length for cell in own})
        if task in (evaluation.configuration.tasks or ()):
            lengths = list(evaluation.configuration.lengths)
        costs = any(cell.query_ms is not None for cell in own)  # earlier versions did not measure them
        rows = []
        for system in system_order(own):
            cells = {cell.length: cell for cell in own if cell.system == system}
            measured = [cells.get(length) for length in lengths]
            values = [MISSING if cell is None else _interval(cell.accuracy, 2) for cell in measured]
            rows.append((system, *values, *(_costs(list(cells.values())) if costs else ())))
        header = ("", *(f"{length} tokens" for length in lengths), *(COSTS if costs else ()))
        tables.append(TextTable(_title(task, own, evaluation), header, rows))
    return tables


def _title(task: str, cells: Sequence[RetrievalCell], evaluation: Evaluation) -> str:
    pool = evaluation.configuration.pool or 0
    return f"{task}: fraction of queries whose document ranked first of {min([pool, *(c.documents for c in cells)])}"


def _costs(cells: Sequence[RetrievalCell]) -> tuple[str, str]:
    """Return vectors per document, from the shortest to the longest documents, and the median time of a query."""
    vectors = sorted({round(cell.vectors_per_document, 1) for cell in cells if cell.vectors_per_document is not None})
    times = [cell.query_ms for cell in cells if cell.query_ms is not None]
    stored = " to ".join(f"{count:g}" for count in dict.fromkeys([*vectors[:1], *vectors[-1:]])) or "none"
    return stored, number(statistics.median(times), 2) if times else MISSING


def system_order(cells: Sequence[RetrievalCell]) -> list[str]:
    """Return the systems of a task in the order of the length at which most of them were measured."""
    by_length = [[cell.system for cell in cells if cell.length == length] for length in {cell.length for cell in cells}]
    longest = max(by_length, key=len, default=[])
    return list(dict.fromkeys([*longest, *(cell.system for cell in cells)]))


def _interval(values: DocumentInterval, digits: int) -> str:
    return interval(values.mean, values.low, values.high, digits)


def _depths(results: EmbeddingResults) -> TextTable:
    rows = [
        (cell.task, f"{cell.length}", *(number(share, 2) for share in cell.by_depth))
        for cell in results.cells
        if cell.system == CHECKPOINT and sum(share is not None for share in cell.by_depth) > 1
    ]
    strata = len(results.cells[0].by_depth)
    header = ("task", "tokens", *(f"{100 * k // strata} to {100 * (k + 1) // strata} %" for k in range(strata)))
    return TextTable("The checkpoint, by where in the document the evidence lies", header, rows)


def _short(results: EmbeddingResults) -> list[TextTable]:
    fidelity = results.fidelity
    if fidelity is None:  # without an original
        return []
    rows = [
        ("cosine to the original, mean", number(fidelity.cosine.mean, 4)),
        ("cosine to the original, minimum", number(fidelity.cosine.least, 4)),
        ("rank correlation of the similarities of all pairs", number(fidelity.rank_correlation, 4)),
        ("vectors equal bit for bit", f"{fidelity.equal} of {fidelity.texts}"),
    ]
    title = f"Change in short inputs: up to {fidelity.longest} tokens, special tokens not counted"
    return [TextTable(title, ("", ""), rows)]


@result_remarks.register
def _embedding_remarks(_: EmbeddingResults) -> tuple[str, str]:
    return "McNemar's exact test", SYNTHETIC


@result_remarks.register
def _language_remarks(_: LanguageResults) -> tuple[str, str]:
    return "Wilcoxon's signed-rank test (next sentences: McNemar's exact test)", ""


def evaluation_remarks(evaluation: Evaluation) -> list[str]:
    """Return how the numbers were measured, in sentences."""
    setup, machine = evaluation.configuration, evaluation.environment
    test, tasks = result_remarks(evaluation.results)
    original = "" if evaluation.original is None else f", the original {setup.original_usable_length}"
    return [
        *([BASELINES] if isinstance(evaluation.results, EmbeddingResults) else []),
        f"In parentheses: 95 % bootstrap intervals over documents. P-values: {test}, with Holm's correction over all "
        "comparisons.",
        f"{setup.documents} documents per cell from {setup.data}, {setup.split} set, seed {setup.seed}, "
        f"{setup.precision}; the checkpoint takes {setup.usable_length} tokens{original}.{tasks}",
        f"posembed {machine['posembed']}, torch {machine['torch']}, Python {machine['python']}, {machine['cpu']}.",
    ]


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print tables, remarks and, last, the verdict."""
    for part in evaluation_tables(evaluation):
        table = part.to_rich()
        table.show_header = any(part.header)
        console.print(table)
    for line in evaluation_remarks(evaluation):
        console.print(printable(line), markup=False, highlight=False)
    for note in evaluation.notes:
        console.print(f"Note: {printable(note)}", markup=False, highlight=False)
    for sentence in evaluation.verdict:
        console.print(f"Verdict: {printable(sentence)}", markup=False, highlight=False, style="bold")
