"""Where a curve bends, and when no bend is claimed."""

import numpy as np
import pytest

from posembed.quality.behavior.effective_range import Curve, effective_range

POSITIONS, TOKENS, TEXTS = 256, 8, 24


def curve(level, measure="loss", noise=0.02, without=2.0, seed=0, random=8.0):
    """A curve with the values ``level(starts)`` and texts that differ."""
    rng = np.random.default_rng(seed)
    starts = np.arange(TOKENS, POSITIONS - TOKENS + 1, 4)
    texts = rng.normal(scale=0.3, size=TEXTS)
    sign = 1 if measure == "loss" else -1
    values = sign * level(starts)[:, None] + texts + rng.normal(scale=noise, size=(len(starts), TEXTS))
    draws = texts + sign * random * np.ones((4, 1))
    return Curve(measure, POSITIONS, TOKENS, starts, values, texts, texts + sign * without, draws)


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


def test_an_end_that_could_not_be_seen_is_unknown():
    found = effective_range(curve(lambda starts: 0.2 + 0 * starts, random=0.2))
    assert found.verdict == "unknown"
    assert "an end could not be seen" in found.sentence


def test_what_rows_past_the_end_do_is_their_own():
    """MiniLM's vectors come nearer again at the far end of its table."""

    def level(starts):
        rough = 0.3 * np.sin(starts / 9) * (starts > 110)
        return 0.2 + np.clip((starts + TOKENS - 100) / 40, 0, 1) * (1 - np.clip(starts - 180, 0, None) / 80) + rough

    found = effective_range(curve(level))
    assert found.verdict == "ends"
    assert abs(found.end - 100) <= 12


@pytest.mark.parametrize("seed", range(8))
def test_a_rough_curve_has_no_end(seed):
    """Neighboring texts share rows, so rows without any training make a smooth random walk."""
    rows = np.random.default_rng(seed).normal(size=POSITIONS)
    averages = np.convolve(rows, np.ones(TOKENS) / TOKENS, "valid")
    assert effective_range(curve(lambda starts: 0.5 + averages[starts], noise=0.05)).verdict == "no end"


def test_a_short_curve_says_nothing():
    starts = np.arange(4, 8)
    values = np.zeros((4, TEXTS))
    found = effective_range(Curve("loss", 12, 4, starts, values, values[0], values[0] + 1, values))
    assert found.sentence == "unknown: 12 positions are too few for texts of 4 tokens"


def test_the_interval_follows_the_texts():
    clear, vague = effective_range(curve(step(100))), effective_range(curve(step(100, width=16), noise=0.6))
    assert clear.high - clear.low <= vague.high - vague.low
    assert effective_range(curve(step(100)), seed=1).end == clear.end
