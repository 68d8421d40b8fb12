"""The method stretch: the first rows stay, the others are interpolated to the rest of the new table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.tables.method import Method
from posembed.tables.methods.arguments import old_rows, whole
from posembed.tables.methods.interpolation import cubic, keeps_whole_steps, linear
from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.search_space import Proposal, SearchSpace, SearchTable, Setting, best_ranges

Rows = NDArray[Any]
Index = NDArray[np.int64]

_KERNELS = {"linear": linear, "cubic": cubic}
# The second round of a search; chosen once, not fitted, and each setting is measured before it is taken. Ratios: 4 is
# Long-CLIP's, 2 is milder; the first round stretches to the end, which covers the larger ones.
SEARCHED_RATIOS = (2, 4)
SEARCHED_RANGES = 2  # the best and the second best: the few documents of a first round may confuse the two
KEPT_FRACTION = 8  # keep one row in eight of the range; Long-CLIP keeps one in four, 20 of 77
SPLINE_ROWS = 3  # of fewer rows the cubic kernel is the linear one


def stretch(
    rows: Rows,
    new: int,
    *,
    keep: int = 0,
    range: int | None = None,  # noqa: A002
    kernel: str = "linear",
    ratio: int | None = None,
) -> Rows:
    """Keep ``P[:keep]``, then interpolate rows ``keep … range − 1`` to the other ``N − keep`` rows; ``[N, d]``.

    Rows from ``range`` (default L) on are left out, so that hardly trained rows do not count; at N = L with a smaller
    ``range`` the table changes too. With a ``ratio`` the rows are interpolated to that many times their number,
    whatever N is, and repeated from there on.

    Raises:
        InvalidArgumentError: for a ``range`` above L, ``keep`` not below ``range``, a ``ratio`` above N, or an unknown
            kernel.

    Example:
        >>> stretch(np.array([[9.0], [0.0], [3.0]]), 5, keep=1).ravel().tolist()
        [9.0, 0.0, 1.0, 2.0, 3.0]
    """
    used = _checked_range(len(rows), new, keep, range, kernel, ratio)
    drawn_out = new - keep if ratio is None else (used - keep) * ratio
    stretched = _KERNELS[kernel](rows[keep:used], drawn_out, new - keep)
    return np.concatenate((rows[:keep], stretched[np.arange(new - keep) % drawn_out]))


def keeps_stretch(
    old: int,
    new: int,
    *,
    keep: int = 0,
    range: int | None = None,  # noqa: A002
    kernel: str = "linear",
    ratio: int | None = None,
) -> Index:
    """Return the pairs of the first ``keep`` rows, and those of points that fall on a row."""
    used = _checked_range(old, new, keep, range, kernel, ratio)
    drawn_out = new - keep if ratio is None else (used - keep) * ratio
    steps = keeps_whole_steps(used - keep, drawn_out, new - keep)
    return np.concatenate((keeps_old_rows(keep, keep), steps + keep))


def _checked_range(old: int, new: int, keep: int, used: int | None, kernel: str, ratio: int | None) -> int:
    used = old_rows("range", used, 1, old)
    if ratio is not None and whole("ratio", ratio, 1) > new:
        raise InvalidArgumentError(
            f"ratio={ratio} must be at most the {new} new rows: above that, all of them would lie between two rows"
        )
    if whole("keep", keep, 0) >= used:
        raise InvalidArgumentError(
            f"keep={keep} must be below range={used}, the number of rows used: at least one row must be stretched"
        )
    if kernel not in _KERNELS:
        raise InvalidArgumentError(f"kernel={kernel!r} must be 'linear' or 'cubic'")
    return used


def _every_range(table: SearchTable) -> Iterable[Setting]:
    return ({"range": size} for size in table.ranges)


def _refine(table: SearchTable, best: Sequence[Proposal]) -> Iterable[Setting]:
    """Propose ratios for the best ranges, and for the best one kept rows and a spline."""
    ranges = best_ranges(best, SEARCHED_RANGES)
    for size in ranges:
        for ratio in SEARCHED_RATIOS:
            if size * ratio < table.new:
                yield {"range": size, "ratio": ratio}
    for size in ranges[:1]:
        keep = kept_in_search(size)
        yield {"range": size, "keep": keep}
        if SEARCHED_RATIOS[0] * size < table.new:
            yield {"range": size, "keep": keep, "ratio": SEARCHED_RATIOS[0]}
        if size >= SPLINE_ROWS:
            yield {"range": size, "kernel": "cubic"}


def kept_in_search(size: int) -> int:
    """Return how many first rows the second round of a search keeps of a range of ``size`` rows, at least one.

    Example:
        >>> kept_in_search(160), kept_in_search(4)
        (20, 1)
    """
    return max(1, size // KEPT_FRACTION)


STRETCH = Method(
    "stretch",
    "sequence",
    "P[:keep], then rows keep … range − 1 interpolated (kernel linear or cubic) to N − keep rows, or to ratio "
    "times their number and repeated",
    "the first keep rows; of the others, those whose point is a whole number",
    "after Long-CLIP: Zhang et al. 2024, arXiv:2403.15378 (keep = 20; steps of exactly 1/4 and a few rows "
    "extrapolated at the end, where this one ends on the last row used)",
    stretch,
    keeps_stretch,
    "longer",
    search_space=SearchSpace(_every_range, _refine),
)
