"""What was found in a checkpoint, and what an extension will change, as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

MOST_REFUSED = 12  # lines; more are counted


def print_tables(found: list[dict[str, Any]], console: Console) -> None:
    """Print the position tables of a checkpoint, each with its evidence, then what was refused."""
    tables = [table for table in found if table["refused"] is None]
    if not tables:
        console.print("No learned position table was found.")
    for table in tables:
        grid = _table(escape(table["key"]) + ("   [bold yellow]uncertain[/]" if table["uncertain"] else ""))
        for name, value in _facts(table):
            grid.add_row(name, escape(value))
        for number, reason in enumerate(table["evidence"]):
            grid.add_row("evidence" if number == 0 else "", escape(reason))
        console.print(grid)
    refused = [table for table in found if table["refused"] is not None]
    if refused:
        grid = _table("Refused: not learned absolute positions")
        grouped: dict[str, list[str]] = {}
        for table in refused:
            grouped.setdefault(table["refused"], []).append(table["key"])
        for reason, keys in list(grouped.items())[:MOST_REFUSED]:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            grid.add_row(escape(keys[0]) + more, escape(reason))
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
    grid = _table(f"Extending {escape(plan['checkpoint'])}", "what", "before", "after", "how")
    for table in plan["tables"]:
        options = "".join(f", {name}={value}" for name, value in table["options"].items())
        how = f"{table['method']}{options}; keeps exact: {table['exact']}"
        grid.add_row(escape(table["key"]), *_change(table["shape"]), escape(how))
        size = table["grid"] or table["usable_length"]
        name = "  grid" if table["grid"] else "  usable length"
        grid.add_row(name, *_change(size), "")
    for buffer in plan["buffers"]:
        grid.add_row(escape(buffer["key"]), *_change(buffer["shape"]), escape(buffer["what"]))
    for field in plan["fields"]:
        where = f"{field['file']}: {field['field']}"
        grid.add_row(escape(where), escape(str(field["before"])), escape(str(field["after"])), escape(field["why"]))
    for unchanged in plan["unchanged"]:
        grid.add_row(escape(unchanged["key"]), "–", "–", escape("unchanged: " + unchanged["reason"]))
    for file in plan["left_out"]:
        grid.add_row(escape(file["file"]), "", "left out", escape(file["reason"]))
    console.print(grid)
    for note in plan["notes"]:
        console.print(f"Note: {note}", markup=False, highlight=False)
    for reason in plan["blocked"]:
        console.print(f"Cannot be done: {reason}", markup=False, highlight=False)


def _change(both: dict[str, Any]) -> tuple[str, str]:
    return tuple(_times(v) if isinstance(v, list) else str(v) for v in (both["before"], both["after"]))  # type: ignore[return-value]


def _table(title: str, *header: str) -> Table:
    grid = Table(title=title, title_justify="left", show_header=bool(header))
    for name in header or ("", ""):
        grid.add_column(name, overflow="fold")
    return grid
