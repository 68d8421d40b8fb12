"""Trained positions by the table and the weights of its model."""

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.tables.trained_range.by_weights import _Posterior, _verdict, range_by_weights
from posembed.tables.trained_range.detect import trained_range

ROWS, WIDTH = 96, 32


def trained(end, seed=0, shift=0.6, remembered=0.0, rows=ROWS):
    """A table whose first rows moved along a direction of the weights, which may remember them too."""
    rng = np.random.default_rng(seed)
    table, direction = rng.normal(size=(rows, WIDTH)), rng.normal(size=WIDTH) / np.sqrt(WIDTH)
    table[:end] += shift * direction
    reads = rng.normal(size=(4 * WIDTH, WIDTH)) + 4 * rng.normal(size=(4 * WIDTH, 1)) * direction
    return table, [reads + remembered * rng.normal(size=(4 * WIDTH, end)) @ table[:end], rng.normal(size=(200, WIDTH))]


@pytest.mark.parametrize("end", [30, 50, 80])
def test_an_end_that_the_table_alone_does_not_show(end):
    table, weights = trained(end, shift=2.0)
    assert trained_range(table).end != end
    found = range_by_weights(table, weights)
    assert found.verdict == "ends"
    assert abs(found.end - end) <= 3
    assert found.low <= found.end <= found.high
    assert f"before position {found.end}" in found.evidence[0]


def test_rows_that_did_not_move_but_are_remembered():
    table, weights = trained(50, shift=0.0, remembered=0.3)
    found = range_by_weights(table, weights)
    assert (found.verdict, abs(found.end - 50) <= 3) == ("ends", True)


def test_the_scale_does_not_matter():
    table, weights = trained(50, shift=4.0)
    found = range_by_weights(table, weights)
    other = range_by_weights(1e-6 * table, [1e6 * each for each in weights])
    assert (other.end, other.low, other.high) == (found.end, found.low, found.high)
    half = range_by_weights(table.astype(np.float16), [each.astype(np.float16) for each in weights])
    assert abs(half.end - found.end) <= 1


def test_a_table_that_was_trained_whole():
    table, weights = trained(ROWS, shift=1.5)
    assert range_by_weights(table, weights).verdict == "whole"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", ["normal", "uniform"])
def test_random_rows_have_no_end(seed, spread):
    """Strong directions of weights that never saw the rows show nothing in them."""
    table, weights = trained(0, seed)
    if spread == "uniform":
        table = np.random.default_rng(seed).uniform(-1, 1, table.shape)
    assert range_by_weights(table, weights).verdict == "unknown"


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_training_reached_ever_less_have_no_end(seed):
    table, weights = trained(0, seed)
    direction = np.linalg.svd(weights[0])[2][0]
    table += (8 * np.exp(-np.arange(ROWS) / 15))[:, None] * direction
    assert range_by_weights(table, weights).verdict == "unknown"


def judged(end, clear=50.0, gains=None, spread=1):
    """The verdict for a posterior around one end, which is so many nats likelier than that all rows were trained."""
    ends = np.array([0, *range(8, ROWS - 4), ROWS])
    likely = -((ends - end) ** 2) / spread**2 - 60.0
    likely[0], likely[-1] = -300.0, -60.0 - clear
    posterior = np.exp(likely) / np.exp(likely).sum()
    return _verdict(_Posterior(ends, likely, posterior, np.ones(ROWS) if gains is None else gains))


def test_a_clear_end_is_claimed_with_its_interval():
    found = judged(48, spread=3)
    assert (found.verdict, found.end) == ("ends", 48)
    assert 42 <= found.low < 48 < found.high <= 54


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"end": 48, "clear": 1.0}, "all rows may be trained"),
        ({"end": 48, "spread": 20}, "may lie anywhere between"),
        ({"end": 88, "clear": 15.0}, "the last 8 rows are hardly trained"),
        ({"end": 48, "gains": np.exp(-np.arange(ROWS) / 12)}, "training fades before position 48"),
    ],
)
def test_doubts_are_said(given, words):
    found = judged(**given)
    assert found.verdict == "unknown"
    assert words in found.evidence[0]
    assert found.low <= given["end"] <= found.high


def test_near_the_edge_it_takes_a_clear_case():
    assert judged(88, clear=30.0).end == 88
    assert judged(48, clear=15.0).end == 48


def test_nearly_all_rows_are_all_where_that_is_likelier():
    assert judged(91, clear=-3.0).verdict == "whole"
    assert judged(60, clear=-1.0).verdict == "unknown"


@pytest.mark.parametrize("rows", [0 * np.ones((40, WIDTH)), np.ones((8, WIDTH))])
def test_what_cannot_be_judged(rows):
    assert range_by_weights(rows, trained(8)[1]) is None


def test_a_tail_of_zeros_is_no_failure():
    table, weights = trained(50, shift=1.5)
    table[50:] = 0
    assert range_by_weights(table, weights).end in (None, 50)


def test_a_table_must_be_finite():
    with pytest.raises(InvalidArgumentError):
        range_by_weights(np.full((40, WIDTH), np.nan), [])
