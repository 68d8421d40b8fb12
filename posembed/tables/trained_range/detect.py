"""Which positions of a table were really trained, told from the table alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.norms import roughness
from posembed.tables.measures.rows import Floats, as_rows
from posembed.tables.trained_range.change_point import Boundary, find_boundary
from posembed.tables.trained_range.norm_step import Step, sharpest_step
from posembed.tables.trained_range.outlier_rows import odd_rows
from posembed.tables.trained_range.tail_tests import LEAST_TAIL, TailTests, excess_of, tail_tests

LEAST_ROWS = 24
_PASSES = 1e-3  # a tail with a larger p-value passes for an untouched draw
_TRAINED = 1e-8  # rows with a smaller one are no draw
_GAIN = 10.0  # nats by which the rows past the end must be likelier untouched than trained
_LEVEL = 1e-3  # norms that differ by less, relatively, are one norm


@dataclass(frozen=True, slots=True)
class TrainedRange:
    """Which positions were trained, as far as the table tells.

    Attributes:
        verdict: ``"ends"``: rows past ``end`` were not, or hardly, trained; ``"whole"``: all were; ``"unknown"``.
        end: number of trained positions, for ``"ends"``.
        low: lower end of what ``end`` could be.
        high: upper end.
        confidence: 0 to 1, the share of such verdicts that held in the study; ``None`` for ``"unknown"``.
        evidence: the numbers behind the verdict, a sentence each.
        odd_rows: positions whose rows stand out from their neighbours'.
        suggested_usable_length: positions, where the table tells.
    """

    verdict: Literal["whole", "ends", "unknown"]
    end: int | None
    low: int | None
    high: int | None
    confidence: float | None
    evidence: tuple[str, ...]
    odd_rows: tuple[int, ...]
    suggested_usable_length: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return plain | {"evidence": list(self.evidence), "odd_rows": list(self.odd_rows)}


def trained_range(rows: NDArray[Any]) -> TrainedRange:
    """Tell how far a sequence's table was trained.

    Rows that training never reached are still what the initialisation drew (all equal, one norm, or independent
    random numbers), or copies of earlier rows. So the question is from where on the table passes for that.

    Args:
        rows: ``[positions, d_model]``, without reserved, prefix and suffix rows. Its scale does not matter.

    Raises:
        InvalidArgumentError: for a table that is no finite ``[rows, d_model]``.

    Example:
        >>> draw = np.random.default_rng(0).standard_normal((128, 64))
        >>> draw[:50] += 2 * np.sin(np.arange(50) / 30)[:, None]
        >>> found = trained_range(draw)
        >>> found.verdict, found.end, found.suggested_usable_length
        ('ends', 50, 50)
    """
    table = as_rows(rows)
    n = len(table)
    if n < LEAST_ROWS:
        return _unknown(f"{n} positions are too few to tell: {LEAST_ROWS} are needed")
    scale = np.abs(table).max()
    if scale == 0 or not np.ptp(table, axis=0).any():
        return _unknown("all rows are equal: nothing was trained, or not position by position")
    table = table / scale
    odd = odd_rows(table)
    simple = _copies(table) or _one_row(table) or _one_norm(table)
    if simple is not None:
        end, sentence = simple
        if end < LEAST_TAIL:
            return _unknown(sentence, odd)
        return _ends(end, end, end, 0.99, (sentence,), odd)
    return _by_tests(table, odd)


def range_of(positions: Floats, layout: TableLayout) -> TrainedRange:
    """The trained range of a sequence's positions, or why a grid has none."""
    if layout.grid is None:
        return trained_range(positions)
    return _unknown("a grid has no end that could be untrained: every image reads every patch")


def _by_tests(table: Floats, odd: tuple[int, ...]) -> TrainedRange:
    tests = tail_tests(table)
    p = tests.combined()
    first = _first_passing(p)
    if first is not None and p[0] > _TRAINED:
        name, value = tests.weakest(0)
        return _unknown(
            f"the whole table passes for an untouched random draw (strictest test: {_WORDS[name]}, p = {value:.2g}): "
            "it was not trained, or too little to be seen",
            odd,
        )
    if first is not None:
        boundary = _boundary(table, p, first)
        if boundary is not None:
            return _untouched(table, tests, p, boundary, odd)
    step = sharpest_step(table)
    if p[_last_eighth(len(p))] < _TRAINED:
        return _whole(table, tests, step, odd)
    sentence = "the last rows are neither clearly trained nor clearly untouched"
    return _unknown(sentence if step is None else f"{sentence}; {_step_words(step)}", odd)


def _first_passing(p: Floats) -> int | None:
    """The first place from which on the rows pass for a draw, and nearly all shorter tails do too."""
    last = len(p) - LEAST_TAIL
    passing = p[: last + 1] > _PASSES / 10  # of many tails some fail by chance
    later = np.cumsum(passing[::-1])[::-1] / np.arange(last + 1, 0, -1)
    good = np.flatnonzero((p[: last + 1] > _PASSES) & (later > 0.97))
    return int(good[0]) if len(good) else None


def _boundary(table: Floats, p: Floats, first: int) -> Boundary | None:
    """The end of the trained rows, if the rows past it are surely untouched and those before surely not.

    A tail that rare sequences reached passes too where it is short, but its rows are like those before it.
    """
    surely = np.flatnonzero(p[: first + 1] < _TRAINED)
    tail = table[first:]
    variance = (tail**2).mean()
    excess = excess_of((tail**4).mean(), variance)
    found = find_boundary(table, int(surely[-1]) + 1, float(variance), float(excess))
    if found is None or found.gain < _GAIN or found.place > len(table) - LEAST_TAIL:
        return None
    sharp = p[found.place] > _PASSES and p[found.place * 3 // 4] < _TRAINED
    narrow = found.high - found.low <= max(4, found.place // 5)
    return found if sharp and narrow else None


def _last_eighth(rows: int) -> int:
    """Where the last eighth of the rows begins, eight rows at least."""
    return rows - max(8, rows // 8)


def _untouched(table: Floats, tests: TailTests, p: Floats, found: Boundary, odd: tuple[int, ...]) -> TrainedRange:
    place = found.place
    before = int(np.flatnonzero(p[:place] < _TRAINED)[-1])
    name, value = tests.weakest(before)
    evidence = (
        f"the {len(table) - place} rows from position {place} on pass for an untouched random draw: mean zero, "
        f"uncorrelated, one variance (p = {p[place]:.2g})",
        f"with the rows from {before} on they do not: {_WORDS[name]}, p = {_p(value)}",
        f"row by row, those from {place} on are likelier untouched than trained like those before, by "
        f"{found.gain:.0f} nats",
    )
    return _ends(place, found.low, found.high, 0.95, evidence, odd)


def _whole(table: Floats, tests: TailTests, step: Step | None, odd: tuple[int, ...]) -> TrainedRange:
    n = len(table)
    eighth = _last_eighth(n)
    name, value = tests.weakest(eighth)
    rough = roughness(table[eighth:])
    evidence = [
        f"the last {n - eighth} rows are no untouched draw: {_WORDS[name]}, p = {_p(value)}"
        + (f"; their roughness is {np.nanmedian(rough):.2f} (untouched: 1.22)" if len(rough) else "")
    ]
    if step is not None:
        evidence.append(f"{_step_words(step)}: much of the training may have ended there, but both sides are trained")
    evidence.append(
        "how often each position was seen, and by which of several trainings, cannot be read from a table: later "
        "training on shorter inputs leaves the rows past them as they were"
    )
    # A run of odd rows at the very end belongs to positions that few inputs reach.
    usable = n
    while usable - 1 in odd and n - usable < n // 32:
        usable -= 1
    if usable < n:
        evidence.append(f"the last {n - usable} rows stand out: few inputs reach them, so they are not suggested")
    return TrainedRange("whole", None, None, None, 0.95, tuple(evidence), odd, usable)


def _ends(
    end: int, low: int, high: int, confidence: float, evidence: tuple[str, ...], odd: tuple[int, ...]
) -> TrainedRange:
    inside = tuple(row for row in odd if row < end)
    return TrainedRange("ends", end, low, high, confidence, evidence, inside, end)


def _unknown(sentence: str, odd: tuple[int, ...] = ()) -> TrainedRange:
    return TrainedRange("unknown", None, None, None, None, (sentence,), odd, None)


def _copies(table: Floats) -> tuple[int, str] | None:
    """Rows that repeat earlier ones exactly, with one period."""
    for period in np.flatnonzero((table == table[0]).all(axis=1))[1:]:
        if period >= 2 and np.array_equal(table[period:], table[:-period]):
            return int(
                period
            ), f"the rows from {period} on are copies of earlier ones, one period of {period} after another"
    return None


def _start_of_run(same: NDArray[np.bool_]) -> int:
    """Where the unbroken run of true values at the end begins."""
    return 0 if same.all() else len(same) - int(np.argmin(same[::-1]))


def _one_row(table: Floats) -> tuple[int, str] | None:
    """Rows at the end that are all equal: zeros, or one row for all."""
    end = _start_of_run((table == table[-1]).all(axis=1))
    if len(table) - end < 2:
        return None
    what = "zero" if not table[-1].any() else "equal"
    return end, f"the {len(table) - end} rows from position {end} on are all {what}"


def _one_norm(table: Floats) -> tuple[int, str] | None:
    """Rows at the end of one norm, as a sinusoid has; random and trained rows never do."""
    norms = np.linalg.norm(table, axis=1)
    level = norms[-1]
    if level == 0:
        return None
    end = _start_of_run(np.abs(norms / level - 1) < _LEVEL)
    if len(table) - end < LEAST_TAIL:
        return None
    tail = f"the {len(table) - end} rows from position {end} on have one norm (to 0.1 %), as those of a sinusoid"
    return end, tail if end else "all rows have one norm (to 0.1 %), as those of a sinusoid: nothing shows training"


def _step_words(step: Step) -> str:
    parts = f"norms go from {step.norm_before:.3g} to {step.norm_after:.3g} (of the largest number)"
    cosines = f"the cosine to the next row from {step.cosine_before:.2f} to {step.cosine_after:.2f}"
    return f"the rows change abruptly at position {step.place}: {parts}, {cosines}"


def _p(value: float) -> str:
    return f"{value:.2g}" if value > 1e-99 else "below 1e-99"


_WORDS = {
    "mean": "the rows have a common mean",
    "neighbours": "neighbouring rows are correlated",
    "norms": "the norms vary more than a draw's",
    "trend": "the norms change along the rows",
    "columns": "the dimensions have different variances",
}
