"""Work that is divided among threads."""

import os
import threading

import pytest
import torch

from posembed.nn.kernels import threads


@pytest.fixture(autouse=True)
def four_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(threads, "_LEAST_ELEMENTS", 10)
    monkeypatch.setattr(threads, "_pool", None)


@pytest.mark.parametrize(
    ("elements", "most", "expected"), [(9, 9, 1), (0, 0, 1), (20, 9, 2), (1000, 9, 4), (1000, 3, 3)]
)
def test_small_work_is_not_divided(elements, most, expected):
    assert threads.parts(elements, most) == expected


@pytest.mark.parametrize("count", [0, 1, 3, 4, 11])
def test_every_piece_is_done_once(count):
    done, names = [], set()

    def task(first, last):
        names.add(threading.current_thread().name)
        done.extend(range(first, last))

    bounds = threads.even(count, 100)
    threads.share(task, bounds)
    assert sorted(done) == list(range(count))
    assert len(bounds) - 1 == min(4, max(1, count))
    assert threading.current_thread().name in names


def test_an_error_of_any_part_reaches_the_caller():
    def task(first, last):
        if first > 0:
            raise ValueError(first)

    with pytest.raises(ValueError, match="2"):
        threads.share(task, [0, 2, 4])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    threads.share(lambda *_: None, [0, 1, 2])
    child = os.fork()
    if child == 0:
        done = []
        threads.share(lambda first, _: done.append(first), [0, 1, 2])
        os._exit(0 if sorted(done) == [0, 1] else 1)
    assert os.waitpid(child, 0)[1] == 0
