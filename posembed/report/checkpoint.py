"""What was found in a checkpoint, and what an extension will change, as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from posembed.report.plain import printable

MOST_REFUSED = 12  # lines; more are counted


def print_tables(found: list[dict[str, Any]], console: Console) -> None:
    """Print the position tables of a checkpoint, each with its evidence, then what was refused."""
    tables = [table for table in found if table["refused"] is None]
    if not tables:
        console.print("No learned position table was found.")
    for table in tables:
        grid = _table(_shown(table["key"]) + ("   [bold yellow]uncertain[/]" if table["uncertain"] else ""))
        for name, value in _facts(table):
            grid.add_row(name, _shown(value))
        for number, reason in enumerate(table["evidence"]):
            grid.add_row("evidence" if number == 0 else "", _shown(reason))
        console.print(grid)
    refused = [table for table in found if table["refused"] is not None]
    if refused:
        grid = _table("Refused: not learned absolute positions")
        grouped: dict[str, list[str]] = {}
        for table in refused:
            grouped.setdefault(table["refused"], []).append(table["key"])
        for reason, keys in list(grouped.items())[:MOST_REFUSED]:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            grid.add_row(_shown(keys[0]) + more, _shown(reason))
        console.print(grid)


def _facts(table: dict[str, Any]) -> list[tuple[str, str]]:
    layout = [f"{table[name]} {name}" for name in ("reserved", "prefix") if table[name]]
    layout.append(f"{table['length']} positions" if table["grid"] is None else _times(table["grid"], "grid"))
    if table["suffix"]:
        layout.append(f"{table['suffix']} suffix")
    facts = [
        ("kind", f"{table['kind']} ({table['family']})"),
        ("shape", f"{_times(table['shape'])}, {table['dtype']}"),
        ("rows", " + ".join(layout)),
        ("usable length", str(table["usable_length"])),
        ("file", table["file"]),
    ]
    if table["fields"]:
        facts.append(("sized by", ", ".join(table["fields"])))
    return facts


def _times(numbers: list[int], what: str = "") -> str:
    return " × ".join(map(str, numbers)) + (f" {what}" if what else "")


def print_plan(plan: dict[str, Any], console: Console) -> None:
    """Print every tensor, buffer, field and file that an extension touches, and what stands in its way."""
    grid = _table(f"Extending {_shown(plan['checkpoint'])}", "what", "before", "after", "how")
    for table in plan["tables"]:
        options = "".join(f", {name}={value}" for name, value in table["options"].items())
        how = f"{table['method']}{options}; keeps exact: {table['exact']}"
        grid.add_row(_shown(table["key"]), *_change(table["shape"]), _shown(how))
        size = table["grid"] or table["usable_length"]
        name = "  grid" if table["grid"] else "  usable length"
        grid.add_row(name, *_change(size), "")
    for buffer in plan["buffers"]:
        grid.add_row(_shown(buffer["key"]), *_change(buffer["shape"]), _shown(buffer["what"]))
    for field in plan["fields"]:
        where = f"{field['file']}: {field['field']}"
        grid.add_row(_shown(where), _shown(field["before"]), _shown(field["after"]), _shown(field["why"]))
    for unchanged in plan["unchanged"]:
        grid.add_row(_shown(unchanged["key"]), "–", "–", _shown("unchanged: " + unchanged["reason"]))
    for file in plan["left_out"]:
        grid.add_row(_shown(file["file"]), "", "left out", _shown(file["reason"]))
    console.print(grid)
    for note in plan["notes"]:
        console.print(f"Note: {printable(note)}", markup=False, highlight=False)
    for reason in plan["blocked"]:
        console.print(f"Cannot be done: {printable(reason)}", markup=False, highlight=False)


def _change(both: dict[str, Any]) -> tuple[str, str]:
    return tuple(_times(v) if isinstance(v, list) else str(v) for v in (both["before"], both["after"]))  # type: ignore[return-value]


def _table(title: str, *header: str) -> Table:
    grid = Table(title=title, title_justify="left", show_header=bool(header))
    for name in header or ("", ""):
        grid.add_column(name, overflow="fold")
    return grid


def _shown(value: object) -> str:
    return escape(printable(value))
