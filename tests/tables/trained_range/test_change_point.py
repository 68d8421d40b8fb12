"""The change point against a reference in loops, whose numbers are written out; then what each of them does."""

import math

import numpy as np
import pytest

from posembed.tables.trained_range.change_point import ChangePoint, find_change_point


def drawn(rows, width, end, strength, seed):
    """An untrained draw; the first ``end`` rows also have a common mean."""
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(rows, width))
    made[:end] += strength * rng.normal(size=width)
    return made


def reference(rows, trained, variance, excess):
    """Row by row, with the numbers of the thresholds written out."""
    n, width = rows.shape
    head = min(48, trained // 2)
    size = math.sqrt(variance)
    norms = [math.sqrt(sum(value * value for value in row)) for row in rows]
    own = [sum(rows[t][d] for t in range(trained - head, trained)) / head for d in range(width)]
    begin = max(0, trained - 2 * head)
    earlier = [sum(rows[t][d] for t in range(begin, trained - head)) / (trained - head - begin) for d in range(width)]
    features = []
    for t in range(n):
        direction = earlier if t < trained else own
        length = math.sqrt(sum(value * value for value in direction))
        before = 0.0 if t == 0 else float(rows[t] @ rows[t - 1]) / (size * norms[t - 1])
        along = float(rows[t] @ np.array(direction)) / (size * length)
        features.append([before, along, (norms[t] ** 2 / variance - width) / math.sqrt(width * excess)])
    known = features[trained - head : trained]
    mean = [sum(f[k] for f in known) / head for k in range(3)]
    deviation = [max(1.0, math.sqrt(sum((f[k] - mean[k]) ** 2 for f in known) / head)) for k in range(3)]
    total = [0.0]
    for f in features[trained:]:
        gain = 0.0
        for k in range(3):
            z = (f[k] - mean[k]) / deviation[k]
            gain += min(6.0, max(-6.0, f[k] ** 2 / 2 - z**2 / 2 - math.log(deviation[k])))
        total.append(total[-1] + gain)
    best = total.index(max(total))
    reach = max(4, n // 8)
    near = [c for c, value in enumerate(total) if value > total[best] - 5.0 and abs(c - best) <= reach]
    return trained + best, trained + near[0], trained + near[-1], total[best] - total[-1]


@pytest.mark.parametrize("strength", [0.05, 0.15, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("n", "width", "end", "trained"), [(24, 16, 16, 9), (60, 8, 50, 40), (200, 32, 150, 97), (200, 32, 150, 120)]
)
def test_as_the_reference(n, width, end, trained, strength, seed):
    rows = drawn(n, width, end, strength, seed) * 0.5
    found = find_change_point(rows, trained, 0.25, 1.7)
    place, low, high, gain = reference(rows, trained, 0.25, 1.7)
    assert (found.place, found.low, found.high) == (place, low, high)
    assert found.gain == pytest.approx(gain, rel=1e-9)


@pytest.mark.parametrize("end", [60, 97])
def test_the_place_is_found_to_a_row_or_two(end):
    found = find_change_point(drawn(200, 64, end, 0.6, end), 40, 1.0, 2.0)
    assert abs(found.place - end) <= 2
    assert found.low <= found.place <= found.high
    assert found.gain > 50


def test_eight_trained_rows_are_needed():
    rows = drawn(40, 16, 20, 1.0, 0)
    assert find_change_point(rows, 7, 1.0, 2.0) is None
    assert find_change_point(rows, 8, 1.0, 2.0) is not None


def test_trained_rows_up_to_the_end_gain_nothing():
    assert find_change_point(drawn(200, 64, 200, 1.2, 3), 100, 1.0, 2.0).gain < 10
    assert find_change_point(drawn(200, 64, 200, 1.2, 3), 100, 1.0, 2.0).place == 200


def test_one_unusual_row_decides_nothing():
    """A single feature counts at most 6 nats: the trained-looking row far past the end is not the end."""
    rows = drawn(200, 64, 60, 1.5, 1)
    rows[150] = 50 * rows[:60].mean(axis=0)
    assert find_change_point(rows, 40, 1.0, 2.0).place == 60


def test_the_interval_reaches_an_eighth_of_the_table_at_most():
    rows = drawn(160, 16, 100, 0.2, 4)
    widths = []
    for seed in range(20):
        found = find_change_point(drawn(160, 16, 100, 0.2, seed), 60, 1.0, 2.0)
        widths += [found.place - found.low, found.high - found.place]
    assert max(widths) in (19, 20)
    assert find_change_point(rows, 60, 1.0, 2.0) is not None


def test_rows_of_zeros_are_no_division_by_zero():
    rows = drawn(60, 16, 40, 1.0, 0)
    rows[45] = 0
    with np.errstate(all="raise"):
        assert abs(find_change_point(rows, 30, 1.0, 2.0).place - 40) <= 2
    still = np.zeros((40, 4))
    assert np.isfinite(find_change_point(still, 20, 1.0, 2.0).gain)


def test_the_scale_does_not_matter():
    rows = drawn(100, 16, 60, 0.6, 2)
    one, other = find_change_point(rows, 40, 1.0, 2.0), find_change_point(rows * 1e3, 40, 1e6, 2.0)
    assert (one.place, one.low, one.high) == (other.place, other.low, other.high)
    assert one.gain == pytest.approx(other.gain)
    assert isinstance(one, ChangePoint)
