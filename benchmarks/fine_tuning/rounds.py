"""Train every start of a study to a step, measure all of them, then train on: what is finished is always balanced."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fine_tuning.training import Trainee
from benchmarks.pages import keep, load
from posembed.hardware import environment

Outcomes = Mapping[str, Sequence[float]]
"""Numbers per query or document by task; 0 and 1 where something was found or not."""


@dataclass(frozen=True)
class Work:
    """One start of a study.

    Attributes:
        trainee: the model under training.
        measure: what is measured at any step.
    """

    trainee: Trainee
    measure: Callable[[], Outcomes]


@dataclass(frozen=True)
class Study:
    """Models that are trained alike from different starts.

    Attributes:
        name: of the study, in the results.
        marks: steps at which all of them are measured.
        starts: by name, each made when it is needed.
    """

    name: str
    marks: tuple[int, ...]
    starts: Mapping[str, Callable[[], Work]]


class Results:
    """The outcomes of all studies in one file, which several processes may add to, and the time that they took.

    Args:
        folder: where the file and the states of training are.
        minutes: processor minutes after which nothing new is begun, those of earlier runs among them.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.minutes = folder, minutes
        self.file = folder / "results.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = time.process_time()

    def found(self) -> dict[str, Any]:
        """Return everything that was measured so far."""
        return load(self.file)

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent."""
        earlier: float = self.found().get("minutes", 0.0)
        return earlier + (time.process_time() - self._clock) / 60 >= self.minutes

    def has(self, study: str, start: str, step: int) -> bool:
        """Return whether outcomes are there."""
        return str(step) in self.found().get(study, {}).get(start, {})

    def add(self, study: str, start: str, step: int, outcomes: Outcomes) -> None:
        """Keep outcomes."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found, now = self.found(), time.process_time()
            at = found.setdefault(study, {}).setdefault(start, {})
            at[str(step)] = {task: packed(values) for task, values in outcomes.items()}
            minutes = found.get("minutes", 0.0) + (now - self._clock) / 60
            keep(self.file, found | {"minutes": round(minutes, 3), "environment": environment("cpu")})
            self._clock = now
        means = {task: round(float(sum(values)) / max(len(values), 1), 4) for task, values in outcomes.items()}
        print(f"{study}, {start}, {step} steps: {means} ({minutes:.1f} minutes in all)", flush=True)

    def measure(self, study: str, start: str, step: int, outcomes: Callable[[], Outcomes]) -> None:
        """Measure what is not there yet, if there is time."""
        if not self.has(study, start, step) and not self.is_over:
            self.add(study, start, step, outcomes())

    def state(self, study: str, start: str) -> Path:
        """Return the file of a start's training."""
        return self.folder / study / f"{start}.pt"


def packed(values: Sequence[float]) -> str | list[float]:
    """Return zeros and ones as one string, and other numbers rounded: the file is read by people too.

    Example:
        >>> packed([0, 1, 1]), packed([0.25, 1 / 3])
        ('011', [0.25, 0.33333])
    """
    if all(value in (0, 1) for value in values):
        return "".join(str(int(value)) for value in values)
    return [round(float(value), 5) for value in values]


def run(study: Study, results: Results, only: Collection[str] = ()) -> None:
    """Train and measure what is not there yet, as far as the time goes.

    Args:
        study: what is trained.
        results: what is there, and where the rest is kept.
        only: names of starts, where another process does the others.
    """
    starts = {name: make for name, make in study.starts.items() if not only or name in only}
    for mark in study.marks:
        for name, make in starts.items():
            if results.has(study.name, name, mark):
                continue
            if results.is_over:
                return
            work, state = make(), results.state(study.name, name)
            if state.exists():
                work.trainee.restore(state)
            work.trainee.advance(mark)
            results.add(study.name, name, mark, work.measure())
            work.trainee.save(state)
