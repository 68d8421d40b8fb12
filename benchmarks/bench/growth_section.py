"""The section about growth: the slope of each curve, and why it is what it is."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.bench.results import Result, Row, slope
from benchmarks.pages import table

# Why each curve grows as it does; a slope well below the stated one means that other costs still outweigh it.
WHY = {
    (
        "inspect",
        "rows",
    ): "most measures read each row once; the cosines of all pairs would grow with the square",
    ("inspect", "width"): "each measure reads every number a fixed number of times",
    ("extend", "rows"): "rows are read, interpolated and written once",
    ("extend", "width"): "rows are read, interpolated and written once",
    ("evaluate", "documents"): "each document is made and embedded once for each system",
    ("evaluate", "length"): "tokens, and attention, whose share grows with the length",
    ("calibrate", "length"): "its few steps take less than its start, so nothing is seen of their growth",
    ("compare", "length"): "tokens, and attention, whose share grows with the length",
    ("compare", "width"): "matrix products grow with the square, everything else in proportion",
}
_LEAST_GAIN = 0.02  # seconds and shares of the peak below which a difference to the start is noise


def above_start(rows: list[Row], name: str) -> tuple[list[float], list[float]]:
    """Return sizes and what exceeds the start, of the sizes where it does so by more than noise."""
    begin = next(row for row in rows if row.case["size"] == row.case["start"]).least(name)
    noise = max(_LEAST_GAIN, _LEAST_GAIN * begin)
    pairs = [(float(row.case["size"]), row.least(name) - begin) for row in rows if row.least(name) - begin > noise]
    return [size for size, _ in pairs], [value for _, value in pairs]


def fitted(rows: list[Row], name: str) -> str:
    """Return the slope of what exceeds the start, or a dash where less than three sizes do."""
    sizes, values = above_start(rows, name)
    return f"{slope(sizes, values):.2f}" if len(sizes) > 2 else "–"


def growth(result: Result) -> Iterable[str]:
    """Describe how commands grow."""
    yield (
        "Each point is a command in a process of its own, on one small model or table; the least of its runs. Slopes "
        "are of the line through the logarithms of the size and of what exceeds the command's start (its time at the "
        "smallest size): 1 is growth in proportion, 2 with the square. A dash: less than three sizes exceed the start "
        "by more than noise. Growth in the number of shards is above."
    )
    lines = []
    for case in dict.fromkeys((row.case["command"], row.case["axis"]) for row in result.rows):
        rows = result.where(command=case[0], axis=case[1])
        begin, last = rows[0], rows[-1]
        lines.append([
            f"`{case[0]}`, {case[1]}",
            f"{begin.case['size']}–{last.case['size']}",
            f"{begin.least():.2f}–{last.least():.2f}",
            fitted(rows, "processor"),
            f"{begin.least('peak'):.0f}–{last.least('peak'):.0f}",
            fitted(rows, "peak"),
            WHY.get((str(case[0]), str(case[1])), ""),
        ])  # fmt: skip
    yield table(("command over", "sizes", "s", "slope of processor time", "peak, MiB", "slope of memory", "why"), lines)
