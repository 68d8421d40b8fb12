"""How many steps fit into a time on the machine at hand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from posembed.errors import WorkFailedError, WorkInterruptedError
from posembed.quality.calibrate.trainer import TableTrainer

_MOST_TIMED = 4  # sizes of a step


def fit_into(trainer: TableTrainer, minutes: float, should_stop: Callable[[], bool] = lambda: False) -> float:
    """Before the first step: take at most as many steps as fit into so much time; returns the seconds of a mean one.

    The first look, which is kept, and one step of each size are timed, and count; nothing is learned from these. The
    settled number of steps is the configuration's from here on. It is an estimate: the machine may become slower.

    Raises:
        WorkFailedError: if not one fits.
        WorkInterruptedError: if ``should_stop`` said so.
    """
    began = time.perf_counter()
    trainer.look()
    look = time.perf_counter() - began
    sizes = [trainer.objective.tokens(step) for step in range(trainer.config.steps)]
    seconds = {}
    for size in _spread(sorted(set(sizes))):
        _ask(should_stop)
        clock = time.perf_counter()
        with torch.enable_grad():
            trainer.objective.backward(trainer.table, sizes.index(size))
        trainer.optimizer.zero_grad()
        seconds[size] = time.perf_counter() - clock
    _ask(should_stop)
    spent = time.perf_counter() - began
    costs = [_cost(size, seconds) for size in sizes]
    needed, fitting = spent + look, 0  # the last step is followed by a look
    for step, cost in enumerate(costs, start=1):
        needed += cost
        if needed > 60 * minutes:
            break
        fitting = step
        needed += look if step % trainer.config.every == 0 else 0.0
    if not fitting:
        least = math.ceil((spent + look + costs[0]) / 6) / 10
        raise WorkFailedError(
            f"minutes={minutes:g} is too little for one step: the first look at the validation loss and timing took "
            f"{spent:.1f} s, a step takes {costs[0]:.1f} s and the look after it {look:.1f} s; go on with --resume and "
            f"at least {least:g} minutes"
        )
    trainer.seconds += look
    trainer.config = replace(trainer.config, steps=fitting)
    return sum(costs[:fitting]) / fitting


def _ask(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise WorkInterruptedError("stopped while the first steps were timed: go on with --resume")


def _spread(sizes: list[int]) -> list[int]:
    """At most so many of the sizes, the largest among them."""
    count = min(len(sizes), _MOST_TIMED)
    return [sizes[(place + 1) * len(sizes) // count - 1] for place in range(count)]


def _cost(size: int, seconds: dict[int, float]) -> float:
    """That of the next larger size that was timed, token by token: longer inputs cost more of each."""
    larger = min(timed for timed in seconds if timed >= size)
    return seconds[larger] * size / larger
