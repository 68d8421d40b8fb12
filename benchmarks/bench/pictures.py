"""Which charts each benchmark has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench.charts import Bar, Bars, Line, Lines, draw_bars, draw_lines
from benchmarks.bench.growth_section import above_start
from benchmarks.bench.layer import COPY, FRESH
from benchmarks.bench.results import Result, Row
from benchmarks.bench.sections import TYPES, floor_seconds, grid_line

Panels = list[Bars] | list[Lines]


def files(result: Result) -> list[str]:
    """Return the names of the charts."""
    return [f"{name}.svg" for name, _ in _charts(result)]


def draw(result: Result, folder: Path, source: str) -> list[Path]:
    """Draw the charts of one benchmark, and return the files."""
    written = []
    for name, panels in _charts(result):
        path = folder / f"{name}.svg"
        bars = [each for each in panels if isinstance(each, Bars)]
        lines = [each for each in panels if isinstance(each, Lines)]
        written.append(draw_bars(bars, path, source) if bars else draw_lines(lines, path, source))
    return written


def _charts(result: Result) -> list[tuple[str, Panels]]:
    make = _MAKERS.get(result.name)
    return [] if make is None else [(name, panels) for name, panels in make(result) if panels]


def _bar(row: Row, series: str = "wall", scale: float = 1e3) -> Bar:
    values = [value * scale for value in row.series[series]]
    return Bar(row.candidate, row.median(series) * scale, min(values), max(values))


def _layer(result: Result) -> list[tuple[str, Panels]]:
    forward: list[Bars] = []
    backward: list[Bars] = []
    for case in result.cases():
        rows = result.where(**case)
        gradients = case.get("gradients")
        floor = floor_seconds(rows)
        bars = [_bar(row) for row in rows if row.candidate not in (COPY, FRESH)]
        title = f"{case['what']}, {TYPES[str(case['types'])].replace('`', '')}"
        if gradients is not None:
            title += f", {gradients} gradients" if gradients == "fresh" else f", {gradients}"
        group = Bars(title, "ms; dashed: bytes that must move at the speed of a copy", bars, floor and 1e3 * floor)
        (forward if case["what"] == "forward" else backward).append(group)
    return [("layer-forward", forward), ("layer-backward", backward)]


def _grid(result: Result) -> list[tuple[str, Panels]]:
    panels = []
    for what in ("forward", "forward + backward"):
        for axis in ("batch", "length", "width"):
            lines = []
            for candidate in ("posembed", "transformers"):
                points = grid_line(result, what, candidate, axis)
                lines.append(Line(candidate, [size for size, _ in points], [1e3 * value for _, value in points]))
            panels.append(Lines(what, axis, "ms", lines))
    return [("grid", panels)]


def _inputs(result: Result) -> list[tuple[str, Panels]]:
    groups = [Bars("packed sequences", "ms", [_bar(row) for row in result.where(what="packed")])]
    return [("packed", groups)]


def _checkpoint(result: Result) -> list[tuple[str, Panels]]:
    rows = result.where(what="extend")
    groups = [
        Bars("one table of a large checkpoint doubled", "s before fsync", [_bar(row, scale=1) for row in rows]),
        Bars("the same", "peak memory, MiB", [_bar(row, "peak", 1) for row in rows]),
    ]
    return [("checkpoint", groups)]


def _shards(result: Result) -> list[tuple[str, Panels]]:
    found = result.where(what="find_tables")
    lines = [
        Line(name, [float(row.case["shards"]) for row in rows], [row.median() for row in rows])
        for name in dict.fromkeys(row.candidate for row in found)
        if (rows := [row for row in found if row.candidate == name])
    ]
    linked = result.where(what="extend --link")
    bars = [_named(row, f"{row.case['shards']} shards, {float(row.case['bytes']) / 1e9:.0f} GB, "
                        f"{float(row.case['copied']) / 1e6:.0f} MB copied: posembed") for row in linked]  # fmt: skip
    return [
        ("linked", [Bars("extend --link", "s", bars)]),
        ("find-tables", [Lines("finding the tables", "shards", "s", lines)]),
    ]


def _named(row: Row, name: str) -> Bar:
    bar = _bar(row, scale=1)
    return Bar(name, bar.value, bar.low, bar.high)


def _start(result: Result) -> list[tuple[str, Panels]]:
    bars = [_bar(row, "processor") for row in result.where(what="start")]
    return [("start", [Bars("start of every command", "ms of the processor", bars)])]


def _lab(result: Result) -> list[tuple[str, Panels]]:
    groups = [
        Bars(f"one training step, {case['precision']}", "ms", [_bar(row) for row in result.where(**case)])
        for case in result.cases(what="step")
    ]
    return [("lab", groups)]


def _growth(result: Result) -> list[tuple[str, Panels]]:
    panels = []
    for command, axis in dict.fromkeys((row.case["command"], row.case["axis"]) for row in result.rows):
        sizes, values = above_start(result.where(command=command, axis=axis), "processor")
        if sizes:
            title = f"posembed {command}"
            panels.append(Lines(title, str(axis), "processor, s above its start", [Line("", sizes, values)]))
    return [("growth", panels)]


_MAKERS: dict[str, Callable[[Result], Sequence[tuple[str, Panels]]]] = {
    "layer": _layer,
    "grid": _grid,
    "inputs": _inputs,
    "checkpoint": _checkpoint,
    "shards": _shards,
    "start": _start,
    "lab": _lab,
    "growth": _growth,
}
