"""What a method search has measured, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console

from posembed.records.search import MethodChoice, SweptCandidate, TaskValues
from posembed.report.terminal.grid import new_grid, shown

TITLE = "Share of queries whose document ranks first (your own queries: nDCG@10)"
# Rows of candidates that are printed; the JSON document has all.
_MOST_CANDIDATES = 5


def print_search(choice: MethodChoice, console: Console) -> None:
    """Print the best candidates and every baseline, by task and length; nothing where nothing was measured by task."""
    header, rows = search_rows(choice)
    if not rows:
        return
    grid = new_grid(TITLE, *header)
    grid.columns[0].no_wrap = True  # names are read first; the numbers' headings may break
    for row in rows:
        grid.add_row(*map(shown, row))
    console.print(grid)


def search_rows(choice: MethodChoice) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: candidates, then baselines, by task and length."""
    candidates = [each for each in choice.swept if each.tasks is not None][:_MOST_CANDIDATES]
    baselines = choice.baselines or ()
    tables = [*(each.tasks or {} for each in candidates), *(each.tasks for each in baselines)]
    columns = list(dict.fromkeys((task, length) for table in tables for task, length in _cells(table)))
    order = list(dict.fromkeys(task for task, _ in columns))
    columns.sort(key=lambda column: (order.index(column[0]), column[1]))
    header = ["", *(f"{task} {length}" for task, length in columns), "vectors"]
    rows = [[_name(each), *_values(each.tasks or {}, columns), "1"] for each in candidates]
    for each in baselines:
        vectors = "–" if each.vectors_per_document is None else f"{each.vectors_per_document:.3g}"
        rows.append([each.system, *_values(each.tasks, columns), vectors])
    return header, rows


def _cells(table: TaskValues) -> Iterable[tuple[str, int]]:
    return ((task, length) for task, values in table.items() for length in values)


def _name(candidate: SweptCandidate) -> str:
    options = "".join(f", {name} {value}" for name, value in candidate.options.items())
    aware = ", length-aware" if candidate.length_aware else ""
    return f"{candidate.method}{options}{aware}"


def _values(table: Mapping[str, Mapping[int, float]], columns: Iterable[tuple[str, int]]) -> list[str]:
    found = (table.get(task, {}).get(length) for task, length in columns)
    return ["" if value is None else f"{value:.2f}" for value in found]
