"""Time one step of each size, and reduce the number of steps of a calibration to fit a time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from posembed.errors import WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Observer
from posembed.quality.calibrate.trainer import TableTrainer

# Sizes of a step that are timed, since timing is spent out of the budget: documents of 4,096 tokens, halved down to
# 512, have four sizes. Where there are more, the next larger timed size is an estimate that is not too low.
_MOST_TIMED = 4
_MINUTE = 60.0  # seconds


@dataclass(frozen=True)
class Timing:
    """What a training costs on this machine, in seconds.

    Attributes:
        evaluation: one evaluation of the validation loss.
        steps: every step, in order.
        spent: on the first evaluation and on timing.
    """

    evaluation: float
    steps: tuple[float, ...]
    spent: float


def fit_into(trainer: TableTrainer, minutes: float, observer: Observer = SILENT) -> float:
    """Reduce the number of steps to as many as fit into a time, before the first one; return the mean step's seconds.

    The first evaluation, which is kept, and one step of each size are timed, and count; nothing is learned from these.
    The configuration has the settled number of steps from then on. It is an estimate: the machine may become slower.

    Raises:
        WorkFailedError: if not one step fits.
        WorkInterruptedError: if the observer asked to stop.
    """
    timing = time_steps(trainer, observer)
    fitting = fitting_steps(timing, trainer.config.every, _MINUTE * minutes)
    if not fitting:
        needed = timing.spent + timing.evaluation + timing.steps[0]
        raise WorkFailedError(
            f"minutes={minutes:g} is too little for one step: the first evaluation of the validation loss and timing "
            f"took {timing.spent:.1f} s, a step takes {timing.steps[0]:.1f} s and the evaluation after it "
            f"{timing.evaluation:.1f} s; run again with resume=True and at least minutes={_rounded_up(needed):g}"
        )
    trainer.seconds += timing.evaluation
    trainer.config = replace(trainer.config, steps=fitting)
    return sum(timing.steps[:fitting]) / fitting


def time_steps(trainer: TableTrainer, observer: Observer = SILENT) -> Timing:
    """Time the first evaluation, which the trainer keeps, and one step of each size, of which it keeps nothing."""
    began = time.perf_counter()
    trainer.evaluate()
    evaluation = time.perf_counter() - began
    sizes = [trainer.objective.tokens(step) for step in range(trainer.config.steps)]
    seconds = {}
    for size in _spread(sorted(set(sizes))):
        _stop_if_asked(observer)
        clock = time.perf_counter()
        with torch.enable_grad():
            trainer.backward(sizes.index(size))
        trainer.optimizer.zero_grad()
        seconds[size] = time.perf_counter() - clock
    _stop_if_asked(observer)
    spent = time.perf_counter() - began
    return Timing(evaluation, tuple(_cost(size, seconds) for size in sizes), spent)


def fitting_steps(timing: Timing, every: int, seconds: float) -> int:
    """Return how many steps fit into a time, with their evaluations, the last of which follows the last step.

    Example:
        >>> fitting_steps(Timing(evaluation=10, steps=(5, 5, 5), spent=15), every=2, seconds=45)
        2
    """
    needed, fitting = timing.spent + timing.evaluation, 0
    for step, cost in enumerate(timing.steps, start=1):
        needed += cost
        if needed > seconds:
            break
        fitting = step
        needed += timing.evaluation if step % every == 0 else 0.0
    return fitting


def _rounded_up(seconds: float) -> float:
    """Return minutes, to the next tenth."""
    return math.ceil(seconds / (_MINUTE / 10)) / 10


def _stop_if_asked(observer: Observer) -> None:
    if observer.should_stop():
        raise WorkInterruptedError("stopped while the first steps were timed: run again with resume=True")


def _spread(sizes: Sequence[int]) -> list[int]:
    """Return at most four of the sizes, the largest among them."""
    count = min(len(sizes), _MOST_TIMED)
    return [sizes[(place + 1) * len(sizes) // count - 1] for place in range(count)]


def _cost(size: int, seconds: dict[int, float]) -> float:
    """Return the seconds of a step: the next larger timed size's per token, since longer inputs cost more of each."""
    larger = min(timed for timed in seconds if timed >= size)
    return seconds[larger] * size / larger
