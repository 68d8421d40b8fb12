"""Where a curve bends, and when no bend is claimed."""

import numpy as np
import pytest

from posembed.quality.behavior.effective_range import Curve, effective_range

POSITIONS, TOKENS, TEXTS = 256, 8, 24


def curve(level, measure="loss", noise=0.02, without=2.0, seed=0):
    """A curve with the values ``level(starts)`` and texts that differ."""
    rng = np.random.default_rng(seed)
    starts = np.arange(TOKENS, POSITIONS - TOKENS + 1, 4)
    texts = rng.normal(scale=0.3, size=TEXTS)
    sign = 1 if measure == "loss" else -1
    values = sign * level(starts)[:, None] + texts + rng.normal(scale=noise, size=(len(starts), TEXTS))
    return Curve(measure, POSITIONS, TOKENS, starts, values, texts, texts + sign * without)


def step(end, width=TOKENS):
    return lambda starts: 0.2 + np.clip((starts + TOKENS - end) / width, 0, 1)


@pytest.mark.parametrize("measure", ["loss", "cosine"])
@pytest.mark.parametrize("end", [40, 100, 160, 200])
def test_an_abrupt_end_is_found(end, measure):
    found = effective_range(curve(step(end), measure))
    assert found.verdict == "ends"
    assert abs(found.end - end) <= 4
    assert found.low <= found.end <= found.high <= found.low + 12
    assert f"the first {found.end} positions work alike" in found.sentence


def test_a_soft_end_is_found_where_it_begins():
    found = effective_range(curve(step(100, width=40)))
    assert found.verdict == "ends"
    assert abs(found.end - 100) <= 15


@pytest.mark.parametrize(
    "level", [lambda starts: 0.2 + 0 * starts, lambda starts: 0.2 + starts / 500, lambda starts: 0.6 - starts / 500]
)
def test_a_level_or_steady_curve_has_no_end(level):
    found = effective_range(curve(level))
    assert (found.verdict, found.end) == ("no end", None)
    assert len(found.curve) == len(found.starts)


def test_a_bend_that_hardly_matters_is_none():
    assert effective_range(curve(step(100), without=20.0)).verdict == "no end"


def test_a_model_that_does_not_use_its_positions_says_nothing():
    found = effective_range(curve(step(100), without=0.001))
    assert found.verdict == "unknown"
    assert "hardly uses its positions" in found.sentence


def test_a_short_curve_says_nothing():
    starts = np.arange(4, 8)
    values = np.zeros((4, TEXTS))
    found = effective_range(Curve("loss", 12, 4, starts, values, values[0], values[0] + 1))
    assert found.sentence == "unknown: 12 positions are too few for texts of 4 tokens"


def test_the_interval_follows_the_texts():
    clear, vague = effective_range(curve(step(100))), effective_range(curve(step(100, width=16), noise=0.6))
    assert clear.high - clear.low <= vague.high - vague.low
    assert effective_range(curve(step(100)), seed=1).end == clear.end
