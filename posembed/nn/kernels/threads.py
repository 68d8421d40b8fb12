"""Threads for compiled code that releases the interpreter's lock: as many as PyTorch uses."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

# Elements of one thread at least: some 0.03 ms of work, about what it takes to hand it to another thread.
_LEAST_ELEMENTS = 1 << 17

_pool: ThreadPoolExecutor | None = None


def parts(elements: int, most: int) -> int:
    """Return into how many parts to divide work on ``elements``: at least 1, and at most ``most`` if that is more."""
    return max(1, min(torch.get_num_threads(), elements // _LEAST_ELEMENTS, most))


def even(count: int, width: int) -> list[int]:
    """Return bounds that divide ``count`` pieces of ``width`` elements evenly among threads.

    Example:
        >>> even(5, 8)
        [0, 5]
    """
    number = parts(count * width, count)
    return [count * index // number for index in range(number + 1)]


def share(task: Callable[[int, int], object], bounds: Sequence[int]) -> None:
    """Call ``task(first, last)`` for each two neighboring bounds, at the same time."""
    global _pool
    ranges = list(itertools.pairwise(bounds))
    if len(ranges) > 1 and _pool is None:
        # Idle threads cost nothing, and PyTorch's number may be raised later.
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="posembed")
    others = [_pool.submit(task, *each) for each in ranges[1:]] if _pool is not None else []
    task(*ranges[0])
    for other in others:
        other.result()


def _forget_pool() -> None:
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_forget_pool)  # a child process has no threads but the one that forked
