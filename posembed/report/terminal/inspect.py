"""The position tables of a checkpoint, or of two, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from statistics import fmean, median
from typing import Any

from rich.console import Console

from posembed.records.card import CheckpointCard, PairCard, TableCard, TablesCompared
from posembed.report.printable import printable
from posembed.report.terminal.grid import new_grid, shown, times

MOST_REFUSED = 12  # lines; more are counted
MOST_ODD = 8  # odd rows that are named
_BARS = "▁▂▃▄▅▆▇█"


def print_card(card: CheckpointCard, console: Console) -> None:
    """Print a checkpoint's position tables with measures and evidence, its limits, and the look-alikes."""
    tables = card.position_tables
    if not tables:
        console.print("No learned position table was found.")
    for table in tables:
        grid = new_grid(shown(table.key) + ("   [bold yellow]uncertain[/]" if table.uncertain else ""))
        for name, value in (*facts(table), *measured(table)):
            grid.add_row(name, shown(value))
        for number, reason in enumerate(table.evidence):
            grid.add_row("evidence" if number == 0 else "", shown(reason))
        console.print(grid)
    if tables and card.limits:
        grid = new_grid("What limits the length of a text", "tokens", "where", "what happens there")
        for limit in card.limits:
            grid.add_row(f"{limit.limit:,}", shown(limit.what), shown(limit.why))
        console.print(grid)
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
    """Return sentences about the positions that two tables share."""
    sentences = [f"{remark}." for remark in pair.remarks]
    count, equal = pair.positions, pair.equal_positions
    if pair.largest_difference is not None:
        text = f"{equal} of {count} common positions have equal rows"
        if equal not in (0, count):
            text += f" (the first {pair.equal_from_start} without a gap)"
        sentences.append(f"{text}; the largest difference of a number is {pair.largest_difference:.3g}.")
        cosines = [value for value in pair.row_cosine or () if value is not None]
        if cosines:
            sentences.append(
                f"Cosine of the two rows of a position: {fmean(cosines):.3f} on average, {min(cosines):.3f} at least."
            )
    if pair.cka is not None:
        sentences.append(f"Similarity of their geometries (linear CKA, 1 is the same): {pair.cka:.3f}.")
    return sentences


def facts(table: TableCard) -> list[tuple[str, str]]:
    """Return what a table is: kind, shape, rows, usable length, file, fields, as pairs of words."""
    extra = (("reserved", table.reserved), ("prefix", table.prefix))
    layout = [f"{count} {name}" for name, count in extra if count]
    layout.append(f"{table.length} positions" if table.grid is None else times(table.grid, "grid"))
    if table.suffix:
        layout.append(f"{table.suffix} suffix")
    numbers = prod(table.shape)
    pairs = [
        ("kind", f"{table.kind} ({table.family})"),
        ("shape", f"{times(table.shape)}, {table.dtype}: {numbers:,} numbers, {_size(numbers, table.dtype)}"),
        ("rows", " + ".join(layout)),
        ("usable length", str(table.usable_length)),
        ("file", table.file),
    ]
    if table.fields:
        pairs.append(("sized by", ", ".join(table.fields)))
    return pairs


def plain_analysis(table: TableCard) -> dict[str, Any]:
    """Return a table's measures as plain values."""
    described: dict[str, Any] = table.analysis if isinstance(table.analysis, dict) else table.analysis.to_dict()
    return described


def measured(table: TableCard) -> list[tuple[str, str]]:
    """Return the measures of a table, as pairs of words: norms, rank, translation invariance, trained range."""
    if table.not_measured:
        return [("not measured", table.not_measured)]
    if table.analysis is None:
        return []
    found = _brief(plain_analysis(table))
    first = table.reserved + table.prefix
    norms = found["norm"][first : len(found["norm"]) - table.suffix]
    pairs = [
        ("norms", f"{sparkline(norms)}  {min(norms):.3g} to {max(norms):.3g}, median {median(norms):.3g}"),
        ("effective rank", f"{found['effective_rank']:.1f} of at most {found['largest_rank']}"),
    ]
    if found["toeplitz_r2"] is not None:
        pairs.append(
            (
                "translation invariance",
                f"{found['toeplitz_r2']:.1%} of the cosines' variance is a matter of distance alone",
            )
        )
    if found["roughness"] is not None:
        pairs.append(
            (
                "roughness",
                f"{found['roughness']:.3f} (random rows 1.22); cosine to the next row "
                + (f"{found['neighbour_cosine']:.3f}" if found["neighbour_cosine"] is not None else "–"),
            )
        )
    pairs.append(("trained range", trained_sentence(found["trained_range"])))
    pairs += [("", sentence) for sentence in found["trained_range"]["evidence"]]
    if found["notes"]:
        pairs.append(("notes", "; ".join(found["notes"])))
    return pairs


def positions_measures(analysis: dict[str, Any]) -> dict[str, Any]:
    """The measures of the positions alone, out of a whole analysis."""
    found: dict[str, Any] = next(each for each in analysis["measures"] if each["selection"] == "positions")
    return found


def _brief(analysis: dict[str, Any]) -> dict[str, Any]:
    """What the terminal shows, out of a whole analysis as well as out of a brief one."""
    if "profile" not in analysis:
        return analysis
    alone = positions_measures(analysis)
    rough, cosines = (
        [value for value in analysis["profile"][name] if value is not None]
        for name in ("roughness", "neighbour_cosine")
    )
    sequence = alone["grid"] is None
    return {
        "norm": analysis["profile"]["norm"],
        "effective_rank": alone["spectrum"]["effective_rank"],
        "largest_rank": min(alone["rows"] - 1, analysis["d_model"]),
        "toeplitz_r2": alone["similarity"]["toeplitz_r2"],
        "roughness": median(rough) if rough and sequence else None,
        "neighbour_cosine": fmean(cosines) if cosines and sequence else None,
        "trained_range": analysis["trained_range"],
        "notes": analysis["notes"],
    }


def trained_sentence(found: dict[str, Any]) -> str:
    """The trained range in one line.

    Example:
        >>> trained_sentence({"verdict": "whole", "confidence": 0.9, "odd_rows": [], "suggested_usable_length": 512})
        'the whole table (confidence 0.90); suggested usable length 512'
    """
    if found["verdict"] == "ends":
        text = f"positions below {found['end']} (between {found['low']} and {found['high']})"
    else:
        text = {"whole": "the whole table", "unknown": "unknown: the table alone does not tell"}[found["verdict"]]
    if found["confidence"] is not None:
        text += f" (confidence {found['confidence']:.2f})"
    if found["suggested_usable_length"] is not None:
        text += f"; suggested usable length {found['suggested_usable_length']}"
    if found["odd_rows"]:
        odd = ", ".join(map(str, found["odd_rows"][:MOST_ODD]))
        text += f"; odd rows at {odd}" + (" …" if len(found["odd_rows"]) > MOST_ODD else "")
    return text


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """The values as a line of bars, lowest to highest; the mean of a stretch where there are more than ``width``.

    Example:
        >>> sparkline([0.0, 1.0, 2.0, 7.0])
        '▁▂▃█'
    """
    if not values:
        return ""
    count = min(width, len(values))
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    means = [fmean(values[a:b]) for a, b in pairwise(ends)]
    low, high = min(means), max(means)
    if not high - low > 1e-6 * abs(high):  # a level line: rounding is no shape
        return _BARS[3] * count
    return "".join(_BARS[min(7, int((value - low) / (high - low) * 8))] for value in means)


def _size(numbers: int, dtype: str) -> str:
    bits = int("".join(char for char in dtype.split("_")[0] if char.isdigit()) or 0)
    size = numbers * bits / 8
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
