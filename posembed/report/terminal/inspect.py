"""The position tables of a checkpoint, or of two, as tables for the terminal."""

from __future__ import annotations

from math import prod
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console

from posembed.records.card import CheckpointCard, PairCard, TableCard, TablesCompared
from posembed.report.printable import printable
from posembed.report.terminal.behavior import print_behavior
from posembed.report.terminal.grid import new_grid, shown, times

if TYPE_CHECKING:
    from posembed.tables.measures.measure import Line

MOST_REFUSED = 12  # lines of look-alikes; a large model has hundreds of them, for a few reasons


def print_card(card: CheckpointCard, console: Console) -> None:
    """Print a checkpoint's position tables with measures and evidence, its limits, and the look-alikes."""
    tables = card.position_tables
    if not tables:
        console.print("No learned position table was found.")
    for table in tables:
        marks = [word for word in ("uncertain", "unused") if getattr(table, word)]
        grid = new_grid(shown(table.key) + "".join(f"   [bold yellow]{word}[/]" for word in marks))
        for name, value in (*facts(table), *measured(table)):
            grid.add_row(name, shown(value))
        for number, reason in enumerate(table.evidence):
            grid.add_row("evidence" if number == 0 else "", shown(reason))
        console.print(grid)
    if card.behavior is not None:
        print_behavior(card.behavior, console)
    if card.shows_limits:
        grid = new_grid("What limits the length of a text", "tokens", "where", "what happens there")
        for limit in card.limits:
            grid.add_row(f"{limit.limit:,}", shown(limit.what), shown(limit.why))
        console.print(grid)
    for step in card.history:
        for each in step.tables:
            line = f"History: {each.sentence(step.source)} (posembed {step.posembed})"
            console.print(printable(line), markup=False, highlight=False)
    for note in card.notes:
        console.print(f"Note: {printable(note)}", markup=False, highlight=False)
    if card.look_alikes:
        grid = new_grid("Not position tables")
        grouped: dict[str, list[str]] = {}
        for table in card.look_alikes:
            grouped.setdefault(str(table.refused), []).append(table.key)
        for reason, keys in list(grouped.items())[:MOST_REFUSED]:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            grid.add_row(shown(keys[0]) + more, shown(reason))
        console.print(grid)


def print_pair(pair: PairCard, console: Console) -> None:
    """Print the tables of two checkpoints side by side, and where they agree."""
    names = [shown(card.checkpoint) for card in (pair.first, pair.second)]
    for each in pair.pairs:
        grid = new_grid(shown(pair_title(each)), "", *names)
        for name, *values in side_by_side(*pair.tables_of(each)):
            a, b = map(shown, values)
            grid.add_row(name, a, b if a == b else f"[bold]{b}[/]")
        console.print(grid)
        for sentence in agreement(each):
            console.print(printable(sentence), markup=False, highlight=False)
    for keys, name in zip((pair.alone.first, pair.alone.second), names, strict=True):
        for key in keys:
            console.print(f"Only in {name}: {shown(key)}", highlight=False)


def pair_title(pair: TablesCompared) -> str:
    """Return the key of two tables, or both keys where they differ."""
    return pair.first if pair.first == pair.second else f"{pair.first} and {pair.second}"


def side_by_side(one: TableCard, other: TableCard) -> list[tuple[str, str, str]]:
    """Return facts and measures of two tables: name, value of the first, value of the second."""
    left, right = (dict([*facts(table), *measured(table)]) for table in (one, other))
    return [(name, left.get(name, "–"), right.get(name, "–")) for name in dict.fromkeys((*left, *right))]


def agreement(pair: TablesCompared) -> list[str]:
    """Return sentences about the positions that two tables share.

    Example:
        >>> agreement(TablesCompared("wpe", "wpe", 4, 4, 4, 0.0, (1.0,) * 4, (0.0,) * 4, 1.0, ()))[0]
        '4 of 4 common positions have equal rows; the largest absolute difference is 0.'
    """
    sentences = [f"{remark}." for remark in pair.remarks]
    if pair.largest_difference is not None:
        equal = pair.equal_positions
        text = f"{equal} of {pair.positions} common positions have equal rows"
        if equal not in (0, pair.positions):
            text += f" (the first {pair.equal_from_start} without a gap)"
        sentences.append(f"{text}; the largest absolute difference is {pair.largest_difference:.3g}.")
    cosines = [value for value in pair.row_cosine or () if value is not None]
    if cosines:
        sentences.append(
            f"Cosine of the two rows of a position: {fmean(cosines):.3f} on average, {min(cosines):.3f} at least."
        )
    if pair.cka is not None:
        sentences.append(f"Similarity of their geometries (linear CKA, 1 is the same): {pair.cka:.3f}.")
    return sentences


def facts(table: TableCard) -> list[Line]:
    """Return what a table is, as pairs of words: kind, shape, rows, usable length, file, fields."""
    extra = (("reserved", table.reserved), ("prefix", table.prefix))
    rows = [f"{count} {name}" for name, count in extra if count]
    rows.append(f"{table.length} positions" if table.grid is None else times(table.grid, "grid"))
    if table.suffix:
        rows.append(f"{table.suffix} suffix")
    numbers = prod(table.shape)
    pairs = [
        ("kind", f"{table.kind} ({table.family})"),
        ("shape", f"{times(table.shape)}, {table.dtype}: {numbers:,} numbers, {_size(numbers, table.dtype)}"),
        ("rows", " + ".join(rows)),
        ("unused", table.unused) if table.unused else ("usable length", str(table.usable_length)),
        ("file", table.file),
    ]
    if table.fields:
        pairs.append(("sized by", ", ".join(table.fields)))
    return pairs


def measured(table: TableCard) -> list[Line]:
    """Return what was measured of a table, as pairs of words: the summary of its measures."""
    if table.not_measured:
        return [("not measured", table.not_measured)]
    if table.analysis is None:
        return []
    # Much of the start, which a card without measures does without.
    from posembed.tables.measures.analysis import TableAnalysis
    from posembed.tables.measures.brief import brief_of

    brief = brief_of(table.analysis) if isinstance(table.analysis, TableAnalysis) else table.analysis
    return list(brief.lines())


def _size(numbers: int, dtype: str) -> str:
    """Return the size of a tensor in words; the dtype's name holds the bits of a number."""
    bits = int("".join(char for char in dtype.split("_")[0] if char.isdigit()) or 0)
    size = numbers * bits / 8
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
