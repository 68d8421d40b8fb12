"""Which positions of a table were trained, inferred from the table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.norms import roughness
from posembed.tables.rows import Floats, as_rows
from posembed.tables.trained_range.change_point import ChangePoint, find_change_point
from posembed.tables.trained_range.exact_ends import exact_end
from posembed.tables.trained_range.norm_step import Step, sharpest_step
from posembed.tables.trained_range.outlier_rows import outlier_rows
from posembed.tables.trained_range.record import TrainedRange
from posembed.tables.trained_range.tail_tests import TailTests, excess_of, tail_tests
from posembed.tables.trained_range.thresholds import (
    CONFIDENCE_ENDS,
    CONFIDENCE_EXACT,
    CONFIDENCE_WHOLE,
    EDGE_FRACTION,
    LAST_FRACTION,
    LEAST_GAIN,
    LEAST_LAST,
    LEAST_ROWS,
    LEAST_TAIL,
    LEAST_WIDTH,
    MATCHES,
    MATCHES_LATER,
    MATCHING_SHARE,
    SHARP_AT,
    TRAINED,
    WIDTH_FRACTION,
)

__all__ = ["TrainedRange", "range_of", "trained_range"]


def trained_range(rows: NDArray[Any]) -> TrainedRange:
    """Infer which positions of a sequence's table were trained.

    Rows that training never reached are still what the initialization made (all equal, one norm, or independent
    random numbers), or copies of earlier rows. So the question is from where on the table matches that.

    Args:
        rows: ``[positions, d_model]``, without reserved, prefix and suffix rows. Its scale does not matter.

    Raises:
        InvalidArgumentError: for a table that is not a finite ``[rows, d_model]``.

    Example:
        >>> table = np.random.default_rng(0).standard_normal((128, 64))
        >>> table[:50] += 2 * np.sin(np.arange(50) / 30)[:, None]
        >>> found = trained_range(table)
        >>> found.verdict, found.end, found.suggested_usable_length
        ('ends', 50, 50)
    """
    table = as_rows(rows)
    n = len(table)
    if n < LEAST_ROWS:
        return _unknown(f"{n} positions are too few to judge: {LEAST_ROWS} are needed")
    scale = np.abs(table).max()
    if scale == 0 or not np.ptp(table, axis=0).any():
        return _unknown("all rows are equal: nothing was trained, or not position by position")
    table = table / scale
    unusual = outlier_rows(table)
    exact = exact_end(table)
    if exact is not None:
        end, sentence = exact
        if end < LEAST_TAIL:
            return _unknown(sentence, unusual)
        return _ends(ChangePoint(end, end, end, 0.0), CONFIDENCE_EXACT, (sentence,), unusual)
    return _by_tests(table, unusual)


def range_of(positions: Floats, layout: TableLayout) -> TrainedRange:
    """Return the trained range of a sequence's positions, or why a grid has none.

    Example:
        >>> range_of(np.eye(4), TableLayout(grid=(2, 2))).verdict
        'unknown'
    """
    if layout.grid is None:
        return trained_range(positions)
    return _unknown("a grid has no end that could be untrained: every image reads every patch")


def _by_tests(table: Floats, unusual: tuple[int, ...]) -> TrainedRange:
    tests = tail_tests(table)
    p = tests.combined()
    first = first_match(p)
    if first is not None and p[0] > TRAINED:
        name, value = tests.weakest(0)
        return _unknown(
            f"the whole table matches its initial distribution (strictest test: {_WORDS[name]}, p = {value:.2g}): "
            "it was not trained, or too little to show",
            unusual,
        )
    if first is not None:
        end = _end(table, p, first)
        if end is not None:
            return _ends(end, CONFIDENCE_ENDS, _end_evidence(table, tests, p, end), unusual)
    step = sharpest_step(table)
    if p[last_part(len(p))] < TRAINED:
        return _whole(table, tests, step, unusual)
    sentence = "the last rows are neither clearly trained nor clearly untrained"
    return _unknown(sentence if step is None else f"{sentence}; {_step_words(step)}", unusual)


def first_match(p: Floats) -> int | None:
    """Return the first place from which on the rows match the initial distribution, and nearly all shorter tails do.

    Args:
        p: the p-value of each tail, NaN for those that are too short.

    Example:
        >>> first_match(np.array([1e-9, 1e-5, 0.3, 0.4, np.nan, np.nan, np.nan, np.nan]))
        2
    """
    last = len(p) - LEAST_TAIL
    matching = p[: last + 1] > MATCHES_LATER
    later = np.cumsum(matching[::-1])[::-1] / np.arange(last + 1, 0, -1)
    places = np.flatnonzero((p[: last + 1] > MATCHES) & (later > MATCHING_SHARE))
    return int(places[0]) if len(places) else None


def _end(table: Floats, p: Floats, first: int) -> ChangePoint | None:
    """Return the end of the trained rows, if the rows past it are surely untrained and those before surely not."""
    surely = np.flatnonzero(p[: first + 1] < TRAINED)
    tail = table[first:]
    variance = (tail**2).mean()
    excess = excess_of((tail**4).mean(), variance)
    end = find_change_point(table, int(surely[-1]) + 1, float(variance), float(excess))
    return end if end is not None and is_end(end, p) else None


def is_end(end: ChangePoint, p: Floats) -> bool:
    """Return whether a change point is clear, sharp and narrow enough to be called the end of the trained rows.

    A tail that rare sequences reached matches the initial distribution too where it is short, but its rows are like
    those before it.

    Args:
        end: the change point.
        p: the p-value of each tail.
    """
    if end.gain < LEAST_GAIN or end.place > len(p) - LEAST_TAIL:
        return False
    numerator, denominator = SHARP_AT
    sharp = p[end.place] > MATCHES and p[end.place * numerator // denominator] < TRAINED
    narrow = end.high - end.low <= max(LEAST_WIDTH, end.place // WIDTH_FRACTION)
    return bool(sharp and narrow)


def last_part(rows: int) -> int:
    """Return where the last rows begin, whose training shows that the whole table was trained.

    Example:
        >>> last_part(512), last_part(32)
        (448, 24)
    """
    return rows - max(LEAST_LAST, rows // LAST_FRACTION)


def usable_length(rows: int, unusual: tuple[int, ...]) -> int:
    """Return the number of rows without a run of unusual ones at the very end: few inputs reach those.

    Example:
        >>> usable_length(512, (0, 510, 511))
        510
    """
    usable = rows
    while usable - 1 in unusual and rows - usable < rows // EDGE_FRACTION:
        usable -= 1
    return usable


def _end_evidence(table: Floats, tests: TailTests, p: Floats, end: ChangePoint) -> tuple[str, ...]:
    place = end.place
    before = int(np.flatnonzero(p[:place] < TRAINED)[-1])
    name, value = tests.weakest(before)
    return (
        f"the {len(table) - place} rows from position {place} on match the initial distribution: mean zero, "
        f"uncorrelated, one variance (p = {p[place]:.2g})",
        f"with the rows from {before} on they do not: {_WORDS[name]}, p = {_p(value)}",
        f"row by row, those from {place} on are likelier untrained than trained like those before, by "
        f"{end.gain:.0f} nats",
    )


def _whole(table: Floats, tests: TailTests, step: Step | None, unusual: tuple[int, ...]) -> TrainedRange:
    n = len(table)
    last = last_part(n)
    name, value = tests.weakest(last)
    evidence = [
        f"the last {n - last} rows do not match the initial distribution: {_WORDS[name]}, p = {_p(value)}; "
        f"their roughness is {np.nanmedian(roughness(table[last:])):.2f} (untrained: 1.22)"
    ]
    if step is not None:
        evidence.append(f"{_step_words(step)}: much of the training may have ended there, but both sides are trained")
    evidence.append(
        "how often each position was seen, and by which of several trainings, cannot be read from a table: later "
        "training on shorter inputs leaves the rows past them as they were"
    )
    usable = usable_length(n, unusual)
    if usable < n:
        evidence.append(f"the last {n - usable} rows stand out: few inputs reach them, so they are not suggested")
    return TrainedRange("whole", None, None, None, CONFIDENCE_WHOLE, tuple(evidence), unusual, usable)


def _ends(end: ChangePoint, confidence: float, evidence: tuple[str, ...], unusual: tuple[int, ...]) -> TrainedRange:
    inside = tuple(row for row in unusual if row < end.place)
    return TrainedRange("ends", end.place, end.low, end.high, confidence, evidence, inside, end.place)


def _unknown(sentence: str, unusual: tuple[int, ...] = ()) -> TrainedRange:
    return TrainedRange("unknown", None, None, None, None, (sentence,), unusual, None)


def _step_words(step: Step) -> str:
    parts = f"norms go from {step.norm_before:.3g} to {step.norm_after:.3g} (of the largest number)"
    cosines = f"the cosine to the next row from {step.cosine_before:.2f} to {step.cosine_after:.2f}"
    return f"the rows change abruptly at position {step.place}: {parts}, {cosines}"


def _p(value: float) -> str:
    return f"{value:.2g}" if value > 1e-99 else "below 1e-99"  # far beyond what the normal approximation holds for


_WORDS = {
    "mean": "the rows have a common mean",
    "neighbours": "neighboring rows are correlated",
    "norms": "the norms vary more than random rows'",
    "trend": "the norms change along the rows",
    "columns": "the dimensions have different variances",
}
