"""Time candidates in turn, so that a machine that speeds up or slows down does so for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from posembed.hardware import environment


@dataclass(frozen=True)
class Times:
    """Seconds of one candidate in each round: on the clock, and of the processor (all threads together)."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def alternate(
    candidates: dict[str, Callable[[], object]],
    rounds: int,
    warmup: int = 3,
    wait: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of each candidate in each round, A B C A B C …, after ``warmup`` rounds that do not count.

    ``wait`` is called before and after each, until a device has done what it was asked for.
    """
    return {name: times.wall for name, times in alternate_both(candidates, rounds, warmup, wait).items()}


def alternate_both(
    candidates: dict[str, Callable[[], object]],
    rounds: int,
    warmup: int = 3,
    wait: Callable[[], object] = lambda: None,
) -> dict[str, Times]:
    """As :func:`alternate`, with the seconds of the processor too, which other programs hardly change."""
    times = {name: Times() for name in candidates}
    for index in range(warmup + rounds):
        for name, run in candidates.items():
            wait()
            begun, used = time.perf_counter(), time.process_time()
            run()
            wait()
            if index >= warmup:
                times[name].processor.append(time.process_time() - used)
                times[name].wall.append(time.perf_counter() - begun)
    return times


def rounds_within(
    candidates: dict[str, Callable[[], object]], seconds: float, *, least: int = 5, most: int = 30
) -> int:
    """Return how many rounds of all candidates take about ``seconds``, by one round after another that warms up."""
    alternate(candidates, 1, warmup=1)
    once = sum(times[0] for times in alternate(candidates, 1, warmup=0).values())
    return max(least, min(most, round(seconds / once)))


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over rounds of ``ours / theirs``, each pair taken in the same round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def ratio(seconds: dict[str, list[float]], ours: str, theirs: str) -> float:
    """Median over rounds of ``ours / theirs``, each pair taken in the same round."""
    return median_ratio(seconds[ours], seconds[theirs])


def print_header(title: str, seed: int) -> None:
    facts = environment("cpu")
    print(f"\n## {title}")
    print(
        f"seed {seed}; torch {facts['torch']}, Python {facts['python']}, {facts['cpu']}, {facts['cores']} cores, "
        f"{torch.get_num_threads()} threads"
    )


def print_medians(seconds: dict[str, list[float]]) -> None:
    for name, values in seconds.items():
        print(
            f"  {name:44s} median {1e3 * statistics.median(values):9.2f} ms"
            f"   ({1e3 * min(values):.2f} to {1e3 * max(values):.2f}, {len(values)} rounds)"
        )
