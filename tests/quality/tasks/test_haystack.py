"""Evidence at a depth, and stretches of text."""

import numpy as np
import pytest

from posembed.quality.tasks.haystack import insert, window

HAY = np.arange(100, 120)


@pytest.mark.parametrize(
    ("depth", "wanted"),
    [
        (0.0, [7, 8, 100, 101, 102, 103]),
        (0.5, [100, 101, 7, 8, 102, 103]),
        (0.9, [100, 101, 102, 103, 7, 8]),
        (0.35, [100, 7, 8, 101, 102, 103]),
        (1.0, [100, 101, 102, 103, 7, 8]),
    ],
)
def test_evidence_lies_at_its_depth(depth, wanted):
    found = insert([7, 8], HAY, 6, depth)
    assert found == wanted
    assert all(type(token) is int for token in found)


def test_arrays_are_evidence_too():
    assert insert(np.array([7]), HAY, 3, 0.5) == [100, 7, 101]


def test_evidence_without_room():
    assert insert([7, 8, 9], HAY, 3, 0.5) == [7, 8, 9]
    assert insert([7, 8, 9], HAY, 2, 0.5) == [7, 8, 9], "longer than asked for, which the caller refuses"


def test_windows_go_on_at_the_start():
    stream = np.arange(10)
    starts = set()
    for seed in range(60):
        found = window(stream, 25, np.random.default_rng(seed))
        assert len(found) == 25
        assert (np.diff(found) % 10 == 1).all()
        starts.add(int(found[0]))
    assert starts == set(range(10))
