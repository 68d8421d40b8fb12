"""Row methods for sequences: from the ``[L, d]`` rows of the old positions to the ``[N, d]`` rows of the new ones.

Each function is pure, works in the dtype it is given (float32 or float64) and never changes its input. Beside each
stands what it keeps: pairs (old row, new row) that are equal bit for bit. ``registry.METHODS`` gives them names.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import ArgumentTypeError, InvalidArgumentError

Rows = NDArray[Any]
Index = NDArray[np.int64]


def whole(name: str, value: object, least: int) -> int:
    """The value as an ``int`` of at least ``least``; anything else is refused by name.

    Example:
        >>> whole("keep", np.int64(3), 0)
        3
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name}={value!r} must be a whole number, at least {least}")
    if number < least:
        raise InvalidArgumentError(f"{name}={number} must be at least {least}")
    return number


def _steps(old: int, new: int, first: int | None = None) -> tuple[Index, Index]:
    """The points ``t · (old − 1) / (new − 1)`` in whole numbers: the row below, and the rest over ``new − 1``.

    ``first``: only so many of them.
    """
    count = new if first is None else min(first, new)
    below, rest = np.divmod(np.arange(count, dtype=np.int64) * (old - 1), max(new - 1, 1))
    return below, rest


def linear(rows: Rows, new: int, first: int | None = None) -> Rows:
    """Row t is the point ``t · (L − 1) / (N − 1)``, linear between its two neighbours; ``[N, d]``.

    With ``first``, only so many of the rows. Points that are whole numbers are copies of their row.

    Example:
        >>> linear(np.array([[0.0], [2.0]]), 3).ravel().tolist()
        [0.0, 1.0, 2.0]
    """
    below, rest = _steps(len(rows), new, first)
    weight = (rest / max(new - 1, 1)).astype(rows.dtype)[:, None]
    above = np.minimum(below + 1, len(rows) - 1)
    mixed = rows[below] * (1 - weight) + rows[above] * weight
    grown: Rows = np.where(rest[:, None] == 0, rows[below], mixed)
    return grown


def cubic(rows: Rows, new: int, first: int | None = None) -> Rows:
    """A cubic spline through each dimension, at the points of :func:`linear`; ``[N, d]``.

    End condition: not-a-knot (the first two and the last two pieces are each one polynomial), so 3 rows give their
    parabola, 2 their line and 1 is repeated. Points that are whole numbers are copies of their row.

    Example:
        >>> cubic(np.array([[0.0], [1.0], [8.0], [27.0]]), 7).ravel().round(6).tolist()
        [0.0, 0.125, 1.0, 3.375, 8.0, 15.625, 27.0]
    """
    from scipy.interpolate import CubicSpline  # 0.4 s, which only this method should cost

    if len(rows) < 2:
        return linear(rows, new, first)
    below, rest = _steps(len(rows), new, first)
    spline = CubicSpline(np.arange(len(rows)), rows.astype(np.float64), axis=0, bc_type="not-a-knot")
    between = spline(below + rest / max(new - 1, 1)).astype(rows.dtype)
    grown: Rows = np.where(rest[:, None] == 0, rows[below], between)
    return grown


def keeps_whole_steps(old: int, new: int, first: int | None = None) -> Index:
    """What :func:`linear` and :func:`cubic` keep: the points that fall on a row, the first and last always."""
    below, rest = _steps(old, new, first)
    exact = rest == 0
    return np.stack((below[exact], np.flatnonzero(exact)), axis=1)


def tile_index(old: int, new: int) -> Index:
    """``t mod L``: the old rows over and over."""
    return np.arange(new, dtype=np.int64) % old


def grouped_index(old: int, new: int) -> Index:
    """``t ÷ ⌈N / L⌉``: each old row for a group of neighbours."""
    return np.arange(new, dtype=np.int64) // -(-new // old)


def last_index(old: int, new: int) -> Index:
    """``min(t, L − 1)``: the last old row from there on; of a shorter N, the first N rows."""
    return np.minimum(np.arange(new, dtype=np.int64), old - 1)


def copying(index: Callable[[int, int], Index]) -> tuple[Callable[[Rows, int], Rows], Callable[[int, int], Index]]:
    """A method whose new rows are all copies: the function of rows and what it keeps, which is every new row."""

    def copy(rows: Rows, new: int) -> Rows:
        copied: Rows = rows[index(len(rows), new)]
        return copied

    def kept(old: int, new: int) -> Index:
        return np.stack((index(old, new), np.arange(new, dtype=np.int64)), axis=1)

    return copy, kept


def tile(rows: Rows, new: int, *, range: int | None = None) -> Rows:  # noqa: A002
    """``P[t mod range]``: the first ``range`` rows (default L) over and over; ``[N, d]``.

    With a ``range`` below L the rows from there on are left out, as hardly trained; at N = L the table changes too.

    Raises:
        InvalidArgumentError: for a ``range`` above L.
    """
    used = _check_range(len(rows), range)
    return copying(tile_index)[0](rows[:used], new)


def keeps_tile(old: int, new: int, *, range: int | None = None) -> Index:  # noqa: A002
    """Every new row is a copy of an old one."""
    return copying(tile_index)[1](_check_range(old, range), new)


def _check_range(old: int, used: int | None) -> int:
    return _of_the_old("range", used, 1, old)


def _of_the_old(name: str, value: int | None, least: int, old: int) -> int:
    """So many of the old rows; all of them if nothing is said."""
    count = old if value is None else whole(name, value, least)
    if count > old:
        raise InvalidArgumentError(f"{name}={count} is above the table's {old} positions; leave it out for all of them")
    return count


def keeps_old_rows(old: int, new: int, **_options: object) -> Index:
    """Every old row stays at its place: pairs ``(t, t)``, for t below the shorter of the two lengths."""
    return np.repeat(np.arange(min(old, new), dtype=np.int64)[:, None], 2, axis=1)


def keeps_nothing(_old: object, _new: object, **_options: object) -> Index:
    """No row is promised."""
    return np.empty((0, 2), dtype=np.int64)


def hierarchical(rows: Rows, new: int, *, alpha: float = 0.4) -> Rows:
    """``α·u[t ÷ L] + (1 − α)·u[t mod L]`` with ``u = (P − α·P[0]) / (1 − α)``, for N ≤ L²; ``[N, d]``.

    The first L rows are P, as copies. Two positions whose quotient and remainder are swapped differ only if α ≠ 0.5.

    Raises:
        InvalidArgumentError: for α of 0.5 or not between 0 and 1, or N above L².
    """
    alpha = _check_hierarchical(len(rows), new, alpha)
    parts = (rows - alpha * rows[0]) / (1 - alpha)
    high, low = np.divmod(np.arange(len(rows), new), len(rows))
    return np.concatenate((rows, alpha * parts[high] + (1 - alpha) * parts[low]))


def keeps_hierarchical(old: int, new: int, *, alpha: float = 0.4) -> Index:
    """Every old row, for the lengths and α that :func:`hierarchical` takes."""
    _check_hierarchical(old, new, alpha)
    return keeps_old_rows(old, new)


def _check_hierarchical(old: int, new: int, alpha: float) -> float:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating):
        raise ArgumentTypeError(f"alpha={alpha!r} must be a number between 0 and 1, such as 0.4")
    if not (math.isfinite(alpha) and 0 < alpha < 1):
        raise InvalidArgumentError(f"alpha={alpha} must lie between 0 and 1, such as 0.4")
    if alpha == 0.5:
        raise InvalidArgumentError(
            "alpha=0.5 gives positions i·L + j and j·L + i the same row; take another, such as 0.4"
        )
    if new > old * old:
        raise InvalidArgumentError(
            f"'hierarchical' reaches at most L² = {old * old} positions from L = {old}, not {new}; "
            "use another method, such as 'linear' or 'tile'"
        )
    return float(alpha)  # a NumPy float64 would widen float32 rows


def stretch(
    rows: Rows,
    new: int,
    *,
    keep: int = 0,
    range: int | None = None,  # noqa: A002
    kernel: str = "linear",
    ratio: int | None = None,
) -> Rows:
    """``P[:keep]``, then rows ``keep … range − 1`` interpolated to the other ``N − keep`` rows; ``[N, d]``.

    Rows from ``range`` (default L) on are left out, so that rows that were hardly trained do not count; at N = L
    with a smaller ``range`` the table changes too. With a ``ratio`` they are interpolated to so many times their
    number, whatever N is, and what follows repeats these.

    Raises:
        InvalidArgumentError: for a ``range`` above L, ``keep`` not below ``range``, a ``ratio`` above N, or an unknown
            kernel.
    """
    used = _check_stretch(len(rows), new, keep, range, kernel, ratio)
    interpolate = {"linear": linear, "cubic": cubic}[kernel]
    drawn_out = new - keep if ratio is None else (used - keep) * ratio
    stretched = interpolate(rows[keep:used], drawn_out, new - keep)
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
    """The first ``keep`` rows, and of the others the points that fall on a row."""
    used = _check_stretch(old, new, keep, range, kernel, ratio)
    drawn_out = new - keep if ratio is None else (used - keep) * ratio
    steps = keeps_whole_steps(used - keep, drawn_out, new - keep)
    return np.concatenate((keeps_old_rows(keep, keep), steps + keep))


def _check_stretch(old: int, new: int, keep: int, used: int | None, kernel: str, ratio: int | None) -> int:
    used = _check_range(old, used)
    if ratio is not None and whole("ratio", ratio, 1) > new:
        raise InvalidArgumentError(
            f"ratio={ratio} must be at most the {new} new rows: above that, all of them would lie between two rows"
        )
    if whole("keep", keep, 0) >= used:
        raise InvalidArgumentError(
            f"keep={keep} must be below range={used}, the number of rows used: one at least is stretched"
        )
    if kernel not in ("linear", "cubic"):
        raise InvalidArgumentError(f"kernel={kernel!r} must be 'linear' or 'cubic'")
    return used


def mean(rows: Rows, new: int, *, keep: int | None = None, range: int | None = None) -> Rows:  # noqa: A002
    """``P[:keep]``, then the mean of ``P[:range]``, taken in float64, again and again; ``[N, d]``.

    Both are L by default. With fewer rows kept the positions from ``keep`` on all read one row, so that order plays no
    part there; at N = L the table changes too.

    Raises:
        InvalidArgumentError: for a ``keep`` or ``range`` above L.

    Example:
        >>> mean(np.array([[9.0], [0.0], [5.0]]), 4, keep=1, range=2).ravel().tolist()
        [9.0, 4.5, 4.5, 4.5]
    """
    kept = _of_the_old("keep", keep, 0, len(rows))
    used = rows[: _check_range(len(rows), range)]
    average = used.mean(axis=0, keepdims=True, dtype=np.float64).astype(rows.dtype)
    return np.concatenate((rows[:kept], np.repeat(average, new - kept, axis=0)))


def keeps_mean(old: int, _new: int, *, keep: int | None = None, range: int | None = None) -> Index:  # noqa: A002
    """The first ``keep`` rows, for the options that :func:`mean` takes."""
    _check_range(old, range)
    kept = _of_the_old("keep", keep, 0, old)
    return keeps_old_rows(kept, kept)


def zeros(rows: Rows, new: int) -> Rows:
    """P, then rows of zeros; ``[N, d]``."""
    return np.concatenate((rows, np.zeros((new - len(rows), rows.shape[1]), rows.dtype)))


def random(rows: Rows, new: int, *, seed: int = 0) -> Rows:
    """P, then normal rows with the mean and standard deviation of all its numbers; ``[N, d]``.

    The same seed gives the same rows (NumPy's PCG64), and a larger N goes on where a smaller one ended.
    """
    generator = np.random.default_rng(whole("seed", seed, 0))
    drawn = generator.standard_normal((new - len(rows), rows.shape[1]))
    scaled = drawn * rows.std(dtype=np.float64) + rows.mean(dtype=np.float64)
    return np.concatenate((rows, scaled.astype(rows.dtype)))


def keeps_random(old: int, new: int, *, seed: int = 0) -> Index:
    """Every old row, for the seeds that :func:`random` takes."""
    whole("seed", seed, 0)
    return keeps_old_rows(old, new)
