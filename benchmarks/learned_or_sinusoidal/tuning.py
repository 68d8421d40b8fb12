"""Choose a setting for each arm of a cell on validation documents; both arms try the same number of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.learned_or_sinusoidal.plan import (
    ARMS,
    RATE_FACTOR,
    SETTINGS,
    SIZE_FACTOR,
    START_RATE,
    START_SIZE,
    Cell,
    Run,
    Setting,
    tuning_run,
)

Measure = Callable[[Run], float]
"""Returns the validation loss of a run; infinity where training broke."""
Loss = Callable[[Setting], float]
Place = tuple[int, int]
"""A setting as powers of the two factors, from the start: of the learning rate, of the size of the rows."""
_RATE, _ROWS = (1, 0), (0, 1)  # the two axes
_DIAGONALS = ((1, 1), (1, -1), (-1, 1), (-1, -1), (2, 0), (0, 2), (-2, 0), (0, -2))
_MOST_ON_AN_AXIS = 2  # settings in a row on one axis: a plateau must leave as many for the other


@dataclass(frozen=True)
class Tuned:
    """What tuning a cell gave.

    Attributes:
        settings: the setting of each arm.
        losses: the validation losses of all settings of each arm, in the order of the search.
        at_edge: the axes on which nothing further out than an arm's setting was tried.
    """

    settings: dict[str, Setting]
    losses: dict[str, dict[Setting, float]]
    at_edge: dict[str, tuple[str, ...]]


def tune(cell: Cell, measure: Measure) -> Tuned:
    """Search a setting for each arm of a cell."""
    losses = {arm: search(lambda setting, arm=arm: measure(tuning_run(cell, arm, setting))) for arm in ARMS}  # type: ignore[misc]
    return Tuned(
        {arm: best(each) for arm, each in losses.items()},
        losses,
        {arm: at_edge(each) for arm, each in losses.items()},
    )


def search(loss: Loss, settings: int = SETTINGS) -> dict[Setting, float]:
    """Return the losses of as many settings as given, in the order in which they were tried.

    Line search along one axis, then along the other, and again: at the best setting so far, the larger neighbor is
    tried, then the smaller one, and the search goes on from whichever is better. Once both are worse, it is the other
    axis's turn. If no neighbor on either axis is untried, diagonal ones follow.
    """
    place = (0, 0)
    tried = {place: loss(_setting(place))}
    axis, in_a_row = _ROWS, 0
    while len(tried) < settings:
        place = min(tried, key=tried.__getitem__)
        following = _untried(place, axis, tried)
        if following is None or in_a_row == _MOST_ON_AN_AXIS:
            axis, in_a_row = (_RATE if axis == _ROWS else _ROWS), 0
            following = _untried(place, axis, tried)
        if following is None:
            following = next(_moved(place, way) for way in _DIAGONALS if _moved(place, way) not in tried)
        tried[following] = loss(_setting(following))
        in_a_row += 1
    return {_setting(place): value for place, value in tried.items()}


def best(losses: dict[Setting, float]) -> Setting:
    """Return the setting of the lowest loss."""
    return min(losses, key=losses.__getitem__)


def at_edge(losses: dict[Setting, float]) -> tuple[str, ...]:
    """Return the axes on which nothing further out than the best setting was tried: another may be better there."""
    chosen = best(losses)
    rates, sizes = ({each.learning_rate for each in losses}, {each.row_size for each in losses})
    found = (
        ("rate", chosen.learning_rate in (min(rates), max(rates))),
        ("rows", chosen.row_size in (min(sizes), max(sizes))),
    )
    return tuple(name for name, edge in found if edge)


def _setting(place: Place) -> Setting:
    return Setting(START_RATE * RATE_FACTOR ** place[0], START_SIZE * SIZE_FACTOR ** place[1])


def _moved(place: Place, way: Place) -> Place:
    return place[0] + way[0], place[1] + way[1]


def _untried(place: Place, axis: Place, tried: dict[Place, float]) -> Place | None:
    ways = (axis, (-axis[0], -axis[1]))
    return next((_moved(place, way) for way in ways if _moved(place, way) not in tried), None)
