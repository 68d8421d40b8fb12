"""Time candidates in turn, so that a machine that speeds up or slows down does so for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from posembed.hardware import environment


def alternate(
    candidates: dict[str, Callable[[], object]],
    rounds: int,
    warmup: int = 3,
    wait: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of each candidate in each round, A B C A B C …, after ``warmup`` rounds that do not count.

    ``wait`` is called before and after each, until a device has done what it was asked for.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for index in range(warmup + rounds):
        for name, run in candidates.items():
            wait()
            begun = time.perf_counter()
            run()
            wait()
            if index >= warmup:
                seconds[name].append(time.perf_counter() - begun)
    return seconds


def ratio(seconds: dict[str, list[float]], ours: str, theirs: str) -> float:
    """Median over rounds of ``ours / theirs``, each pair taken in the same round."""
    return statistics.median(a / b for a, b in zip(seconds[ours], seconds[theirs], strict=True))


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
