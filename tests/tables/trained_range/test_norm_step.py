"""Steps of the norms, against a reference in loops whose numbers are written out; then what each of them does."""

import math
from statistics import mean, median

import numpy as np
import pytest

from posembed.tables.trained_range.norm_step import sharpest_step


def directions(rows, width=32, seed=0):
    """Random rows of norm 1."""
    drawn = np.random.default_rng(seed).standard_normal((rows, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def with_norms(norms, seed=0):
    return directions(len(norms), seed=seed) * np.asarray(norms, dtype=float)[:, None]


def noisy(rows, seed, spread=0.02):
    return np.exp(spread * np.random.default_rng(seed + 100).standard_normal(rows))


def reference(rows):
    n = len(rows)
    norms = [math.sqrt(float(row @ row)) for row in rows]
    window = min(40, max(6, n // 12))
    if n < 4 * window or min(norms) == 0:
        return None
    level = [math.log(norm) for norm in norms]
    statistics = {}
    for place in range(max(window, n // 16), n - window + 1):
        before, after = level[place - window : place], level[place : place + window]
        variance = 0.0
        for part in (before, after):
            middle = median(part)
            variance += (1.482602218505602 * median(abs(value - middle) for value in part)) ** 2
        spread = max(math.sqrt(variance / window), 1e-12)
        statistics[place] = abs(median(after) - median(before)) / spread
    place = max(statistics, key=statistics.get)
    if statistics[place] < 8.0 or statistics[place] < 4.0 * median(statistics.values()):
        return None
    centered = rows - rows.mean(axis=0)
    unit = centered / np.linalg.norm(centered, axis=1, keepdims=True)
    cosines = [float(unit[t] @ unit[t + 1]) for t in range(n - 1)]
    return (
        place,
        math.exp(median(level[place - window : place])),
        math.exp(median(level[place : place + window])),
        mean(cosines[max(0, place - 4 * window) : place - 1]),
        mean(cosines[place : place + 4 * window]),
    )


def values(step):
    return (
        None if step is None else (step.place, step.norm_before, step.norm_after, step.cosine_before, step.cosine_after)
    )


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.1, 1.2, 2.0])
@pytest.mark.parametrize(("n", "at"), [(24, 12), (47, 30), (80, 9), (150, 75), (300, 24), (600, 400), (1000, 500)])
def test_as_the_reference(n, at, factor):
    for seed in range(3):
        norms = noisy(n, seed)
        norms[at:] *= factor
        rows = with_norms(norms, seed)
        wanted = reference(rows)
        found = values(sharpest_step(rows))
        assert found == (wanted if wanted is None else pytest.approx(wanted, rel=1e-9))


def test_a_step_is_found():
    rows = np.random.default_rng(0).standard_normal((300, 64))
    assert sharpest_step(rows) is None
    stepped = rows * np.where(np.arange(300) < 140, 1, 1.7)[:, None]
    found = sharpest_step(stepped)
    assert abs(found.place - 140) <= 2
    assert found.norm_after / found.norm_before == pytest.approx(1.7, rel=0.05)
    assert found.cosine_before == pytest.approx(found.cosine_after, abs=0.05)
    stepped[:140] += 3.0
    found = sharpest_step(stepped)
    assert found.cosine_before > found.cosine_after + 0.2


@pytest.mark.parametrize("rows", [23, 24])
def test_four_windows_of_six_rows_are_needed(rows):
    norms = noisy(rows, 0, 0.001)
    norms[rows // 2 :] *= 3
    assert (sharpest_step(with_norms(norms)) is not None) == (rows >= 24)


def test_a_trend_is_no_step():
    rows = np.random.default_rng(0).standard_normal((300, 64))
    assert sharpest_step(rows * np.linspace(1, 3, 300)[:, None]) is None
    assert sharpest_step(with_norms(np.geomspace(1, 100, 200) * noisy(200, 0, 0.001))) is None  # steep, and everywhere


def test_one_unusual_row_is_no_step():
    norms = noisy(300, 0)
    norms[150] *= 10
    assert sharpest_step(with_norms(norms)) is None


def test_a_row_of_zeros_has_no_norm_to_step_from():
    norms = noisy(300, 0)
    norms[150:] *= 3
    norms[200] = 0
    assert sharpest_step(with_norms(norms)) is None


def test_norms_without_any_spread():
    """Sinusoids: the spread is zero up to rounding, and a step is still found, not a division by zero."""
    with np.errstate(all="raise"):
        found = sharpest_step(with_norms(np.where(np.arange(120) < 70, 1.0, 2.0)))
    assert found.place == 70


def test_the_first_sixteenth_is_left_out():
    norms = noisy(800, 0, 0.01)
    norms[45:] *= 2
    assert sharpest_step(with_norms(norms)).place >= 50
    norms = noisy(800, 0, 0.01)
    norms[52:] *= 2
    assert sharpest_step(with_norms(norms)).place in (51, 52)
