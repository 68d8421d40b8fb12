"""An evaluation's results as tables of words, for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from posembed.report.printable import printable
from posembed.report.terminal.compare import TextTable, number

Results = dict[str, Any]


def evaluation_tables(results: Results) -> list[TextTable]:
    """Accuracy by task, system and length; by depth of the evidence; short inputs."""
    if results["kind"] != "embedding":
        return _losses(results)
    return [*_accuracy(results), _depths(results), _short(results)]


def _losses(results: Results) -> list[TextTable]:
    """Loss by position at each length, by the checkpoint and by the sliding window."""
    parts = []
    for length in results["configuration"]["lengths"]:
        cells = [cell for cell in results["cells"] if cell["length"] == length]
        header = ("", "all", *(f"{part['from']} to {part['to']}" for part in cells[0]["buckets"]))
        rows = [
            (cell["system"], _interval(cell), *(number(part["loss"]) for part in cell["buckets"])) for cell in cells
        ]
        parts.append(TextTable(f"Loss in nats a token at {length} tokens, by position", header, rows))
    return parts


def _accuracy(results: Results) -> list[TextTable]:
    lengths = results["configuration"]["lengths"]
    parts = []
    for task in results["configuration"]["tasks"]:
        cells = {(c["system"], c["length"]): c for c in results["cells"] if c["task"] == task}
        names = list(dict.fromkeys(system for system, _ in cells))
        rows = [(name, *(_interval(cells.get((name, length))) for length in lengths)) for name in names]
        title = f"{task}: share of queries whose document came first of {results['configuration']['pool']}"
        parts.append(TextTable(title, ("", *(f"{length} tokens" for length in lengths)), rows))
    return parts


def _interval(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "–"
    found, digits = (cell["accuracy"], 2) if "accuracy" in cell else (cell["loss"], 3)
    return f"{number(found['mean'], digits)} ({number(found['low'], digits)} to {number(found['high'], digits)})"


def _depths(results: Results) -> TextTable:
    rows = [
        (cell["task"], f"{cell['length']}", *(number(share, 2) for share in cell["by_depth"]))
        for cell in results["cells"]
        if cell["system"] == "checkpoint"
    ]
    strata = len(results["cells"][0]["by_depth"])
    header = ("task", "tokens", *(f"{100 * k // strata} to {100 * (k + 1) // strata} %" for k in range(strata)))
    return TextTable("The checkpoint, by where in the document the evidence lies", header, rows)


def _short(results: Results) -> TextTable:
    found = results["fidelity"]
    rows = [
        ("cosine to the original, mean", number(found["cosine"]["mean"], 4)),
        ("the least", number(found["cosine"]["least"], 4)),
        ("rank correlation of the similarities of all pairs", number(found["rank_correlation"], 4)),
        ("vectors equal bit for bit", f"{found['equal']} of {found['texts']}"),
    ]
    return TextTable(f"Short inputs: up to {found['longest']} tokens, special ones left out", ("", ""), rows)


def evaluation_remarks(results: Results) -> list[str]:
    """How it was measured, a sentence each."""
    setup, machine = results["configuration"], results["environment"]
    kind = results["kind"]
    test = "McNemar's" if kind == "embedding" else "Wilcoxon's"
    tail = " The tasks are of LongEmbed's kind; they are not LongEmbed." if kind == "embedding" else ""
    return [
        f"In brackets: 95 % bootstrap intervals over documents. P-values: {test}, corrected over all cells (Holm).",
        f"{setup['documents']} documents a cell from {setup['data']}, set {setup['split']}, seed {setup['seed']}, "
        f"{setup['precision']}; the checkpoint takes {setup['usable_length']} tokens, the original "
        f"{setup['original_usable_length']}.{tail}",
        f"posembed {machine['posembed']}, torch {machine['torch']}, Python {machine['python']}, {machine['cpu']}.",
    ]


def print_evaluation(results: Results, console: Console) -> None:
    """Print tables, remarks and, last, the verdict."""
    for part in evaluation_tables(results):
        table = Table(title=part.title, title_justify="left", show_header=any(part.header))
        for index, name in enumerate(part.header):
            table.add_column(name, justify="left" if index == 0 else "right")
        for row in part.rows:
            table.add_row(*map(printable, row))
        console.print(table)
    for line in evaluation_remarks(results):
        console.print(printable(line), markup=False, highlight=False)
    for sentence in results["verdict"]:
        console.print(f"Verdict: {printable(sentence)}", markup=False, highlight=False, style="bold")
