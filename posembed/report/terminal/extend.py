"""The plan of an extension as a table for the terminal."""

from __future__ import annotations

from rich.console import Console

from posembed.records.extension import ExtensionRecord, Lengths, Shapes
from posembed.report.printable import printable
from posembed.report.terminal.grid import new_grid, shown, times
from posembed.report.terminal.search import print_search


def print_extension(record: ExtensionRecord, console: Console) -> None:
    """Print every tensor, buffer, field and file that an extension changes, and why it is not supported."""
    grid = new_grid(f"Extending {shown(record.checkpoint)}", "what", "before", "after", "how")
    for row in extension_rows(record):
        grid.add_row(*map(shown, row))
    console.print(grid)
    for note in record.notes:
        console.print(f"Note: {printable(note)}", markup=False, highlight=False)
    for reason in record.blocked:
        console.print(f"Not supported: {printable(reason)}", markup=False, highlight=False)
    if record.chosen is not None:
        print_search(record.chosen, console)
    for sentence in record.chosen.why if record.chosen is not None else ():
        console.print(f"Chosen: {printable(sentence)}", markup=False, highlight=False, soft_wrap=True)


def extension_rows(record: ExtensionRecord) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table: what changes, before, after, and how."""
    rows: list[tuple[str, str, str, str]] = []
    for table in record.tables:
        options = "".join(f", {name}={value}" for name, value in table.options.items())
        how = f"{table.method}{options}; keeps exact: {table.exact}"
        rows.append((table.key, *_both(table.shape), how))
        name = "  usable length" if table.grid is None else "  grid"
        rows.append((name, *_both(table.grid or table.usable_length), ""))
    rows += [(buffer.key, *_both(buffer.shape), buffer.what) for buffer in record.buffers]
    rows += [(f"{f.file}: {f.field}", str(f.before), str(f.after), f.why) for f in record.fields]
    rows += [(each.key, "–", "–", f"unchanged: {each.reason}") for each in record.unchanged]
    rows += [(each.file, "", "left out", each.reason) for each in record.left_out]
    return rows


def _both(change: Shapes | Lengths) -> tuple[str, str]:
    if isinstance(change, Lengths):
        return str(change.before), str(change.after)
    return times(change.before), times(change.after)
