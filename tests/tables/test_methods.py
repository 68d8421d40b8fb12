"""Each formula of a sequence method, stated again one number at a time."""

import itertools
import math
import statistics

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import exact_rows, extend_table

SIZES = [(1, 1), (1, 4), (2, 3), (3, 7), (4, 4), (5, 9), (5, 10), (5, 23), (6, 36), (16, 63), (63, 200)]


def drawn(rows, width=3, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(dtype)


def naive_points(old, new):
    return [t * (old - 1) / (new - 1) if new > 1 else 0.0 for t in range(new)]


def naive_linear(values, new):
    rows = []
    for point in naive_points(len(values), new):
        below = min(math.floor(point), max(len(values) - 2, 0))
        above = min(below + 1, len(values) - 1)
        rows.append(values[below] * (1 - (point - below)) + values[above] * (point - below))
    return rows


def naive_cubic(values, new):
    """The four coefficients of each piece, from one dense system of equations; both ends not-a-knot."""
    old = len(values)
    if old < 3:
        return naive_linear(values, new)
    if old == 3:  # the parabola, after Lagrange
        a, b, c = values
        return [a * (x - 1) * (x - 2) / 2 - b * x * (x - 2) + c * x * (x - 1) / 2 for x in naive_points(old, new)]
    equations, right = [], []

    def equation(value, *terms):
        row = [0.0] * (4 * (old - 1))
        for piece, power, factor in terms:
            row[4 * piece + power] += factor
        equations.append(row)
        right.append(value)

    for piece in range(old - 1):
        equation(values[piece], (piece, 0, 1.0))
        equation(values[piece + 1], *((piece, power, 1.0) for power in range(4)))
    for piece in range(old - 2):
        equation(0.0, *((piece, power, float(power)) for power in (1, 2, 3)), (piece + 1, 1, -1.0))
        equation(0.0, (piece, 2, 2.0), (piece, 3, 6.0), (piece + 1, 2, -2.0))
    equation(0.0, (0, 3, 1.0), (1, 3, -1.0))
    equation(0.0, (old - 3, 3, 1.0), (old - 2, 3, -1.0))
    solved = np.linalg.solve(np.array(equations), np.array(right))
    rows = []
    for point in naive_points(old, new):
        piece = min(math.floor(point), old - 2)
        rows.append(sum(solved[4 * piece + power] * (point - piece) ** power for power in range(4)))
    return rows


def naive_hierarchical(values, new, alpha):
    parts = [(value - alpha * values[0]) / (1 - alpha) for value in values]
    return [alpha * parts[t // len(values)] + (1 - alpha) * parts[t % len(values)] for t in range(new)]


def by_column(function, table, *arguments):
    return np.array([function(list(column), *arguments) for column in table.T]).T


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_cubic_against_a_dense_system(old, new):
    table = drawn(old)
    found = extend_table(table, new, method="cubic")
    np.testing.assert_allclose(found, by_column(naive_cubic, table, new), rtol=0, atol=1e-10)


def test_cubic_gives_a_cubic_back_and_linear_does_not():
    cubes = np.arange(6.0)[:, None] ** 3
    wanted = np.linspace(0, 5, 17)[:, None] ** 3
    np.testing.assert_allclose(extend_table(cubes, 17, method="cubic"), wanted, rtol=0, atol=1e-11)
    assert np.abs(extend_table(cubes, 17) - wanted).max() > 1


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_the_methods_that_copy_against_loops(old, new, dtype):
    table = drawn(old, dtype=dtype)
    tile, grouped, last = (extend_table(table, new, method=name) for name in ("tile", "grouped", "repeat-last"))
    group = math.ceil(new / old)
    for t in range(new):
        assert tile[t].tobytes() == table[t % old].tobytes()
        assert grouped[t].tobytes() == table[t // group].tobytes()
        assert last[t].tobytes() == table[t if t < old else -1].tobytes()
    cropped = extend_table(table, old // 2 or 1, method="crop")
    assert cropped.tobytes() == b"".join(row.tobytes() for row in table[: old // 2 or 1])


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new in SIZES if new <= old * old])
@pytest.mark.parametrize("alpha", [0.4, 0.1, 0.75, np.float64(0.4)])
def test_hierarchical_against_a_loop(old, new, alpha):
    table = drawn(old)
    found = extend_table(table, new, method="hierarchical", alpha=alpha)
    wanted = by_column(naive_hierarchical, table, new, float(alpha))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)
    assert found[:old].tobytes() == table.tobytes()


def test_hierarchical_takes_0_4_when_nothing_is_said_and_reaches_the_square():
    table = drawn(4)
    assert (
        extend_table(table, 16, method="hierarchical") == extend_table(table, 16, method="hierarchical", alpha=0.4)
    ).all()
    with pytest.raises(
        InvalidArgumentError, match=r"'hierarchical' reaches at most L² = 16 positions from L = 4, not 17"
    ):
        extend_table(table, 17, method="hierarchical")


def test_a_numpy_alpha_is_the_same_number():
    table = drawn(9, 8, np.float32)
    plain, numpy = (extend_table(table, 40, method="hierarchical", alpha=a) for a in (0.4, np.float64(0.4)))
    assert plain.tobytes() == numpy.tobytes()


def test_hierarchical_tells_every_position_apart():
    found = extend_table(drawn(7), 49, method="hierarchical")
    distances = [np.abs(found[a] - found[b]).max() for a, b in itertools.combinations(range(49), 2)]
    assert min(distances) > 1e-3


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize(
    ("old", "new", "keep", "used"),
    [(77, 248, 20, 77), (9, 9, 0, 9), (9, 9, 2, 5), (9, 20, 8, 9), (9, 20, 0, 1), (9, 31, 3, 7), (9, 10, 0, 8)],
)
def test_stretch_against_a_loop(old, new, keep, used, kernel):
    table = drawn(old)
    found = extend_table(table, new, method="stretch", keep=keep, range=used, kernel=kernel)
    naive = naive_linear if kernel == "linear" else naive_cubic
    wanted = by_column(lambda values: values[:keep] + naive(values[keep:used], new - keep), table)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
    assert found[:keep].tobytes() == table[:keep].tobytes()
    assert found[-1].tobytes() == table[used - 1 if new - keep > 1 or used - keep == 1 else keep].tobytes()


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize(
    ("old", "new", "keep", "used", "ratio"),
    [(77, 248, 20, 77, 2), (9, 40, 0, 5, 3), (9, 40, 3, 9, 1), (9, 12, 2, 9, 4), (9, 21, 8, 9, 2)],
)
def test_a_ratio_draws_out_so_far_and_then_repeats(old, new, keep, used, ratio, kernel):
    table = drawn(old)
    options = {"keep": keep, "range": used, "ratio": ratio}
    found = extend_table(table, new, method="stretch", kernel=kernel, **options)
    naive = naive_linear if kernel == "linear" else naive_cubic
    size = (used - keep) * ratio
    once = by_column(lambda values: values[:keep] + naive(values[keep:used], size), table)
    wanted = [once[t] if t < keep else once[keep + (t - keep) % size] for t in range(new)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
    for before, after in exact_rows("stretch", TableLayout(length=old), new, kernel=kernel, **options):
        assert found[after].tobytes() == table[before].tobytes()


def test_stretch_without_options_is_linear_and_np_ints_do():
    table = drawn(9, dtype=np.float32)
    assert extend_table(table, 23, method="stretch").tobytes() == extend_table(table, 23).tobytes()
    plain = extend_table(table, 23, method="stretch", keep=2, range=7)
    assert extend_table(table, 23, method="stretch", keep=np.int64(2), range=np.int32(7)).tobytes() == plain.tobytes()


def test_rows_past_the_range_are_never_read():
    table = drawn(12)
    other = table.copy()
    other[8:] = 1e9
    first, second = (extend_table(each, 12, method="stretch", keep=3, range=8) for each in (table, other))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != table.tobytes()


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_the_controls_against_loops(old, new):
    table = drawn(old)
    averages = [statistics.fmean(column) for column in table.T]
    mean, zeros = (extend_table(table, new, method=name) for name in ("mean", "zeros"))
    assert mean.shape == zeros.shape == (new, 3)
    for t in range(old, new):
        np.testing.assert_allclose(mean[t], averages, rtol=0, atol=1e-14)
        assert zeros[t].tolist() == [0.0, 0.0, 0.0]
    numbers = table.ravel().tolist()
    generator = np.random.default_rng(5)
    random = extend_table(table, new, method="random", seed=5)
    for value in random[old:].ravel().tolist():
        wanted = statistics.fmean(numbers) + statistics.pstdev(numbers) * generator.standard_normal()
        assert value == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("keep", "used"), [(0, 7), (1, 4), (7, 2), (3, 1), (None, 5), (2, None)])
def test_a_mean_behind_some_rows_of_some_rows(keep, used):
    table, named = drawn(7), {"keep": keep, "range": used}
    found = extend_table(
        table, 10, method="mean", **{name: value for name, value in named.items() if value is not None}
    )
    keep = 7 if keep is None else keep
    averages = [statistics.fmean(column) for column in table[: 7 if used is None else used].T]
    assert found[:keep].tobytes() == table[:keep].tobytes()
    np.testing.assert_allclose(found[keep:], np.tile(averages, (10 - keep, 1)), rtol=0, atol=1e-14)
    assert exact_rows("mean", TableLayout(length=7), 10, keep=keep).tolist() == [[t, t] for t in range(keep)]


def test_a_mean_is_of_positions_alone():
    table, layout = drawn(9), TableLayout(length=5, reserved=2, prefix=1, suffix=1)
    found = extend_table(table, 10, method="mean", layout=layout, keep=1, range=3)
    assert found[[0, 1, 2, 3, -1]].tobytes() == table[[0, 1, 2, 3, -1]].tobytes()
    np.testing.assert_allclose(found[4:-1], np.tile(table[3:6].mean(axis=0), (7, 1)), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 8}, "keep=8 is above the table's 7 positions"),
        ({"keep": -1}, "keep=-1 must be at least 0"),
        ({"range": 8}, "range=8 is above the table's 7 positions"),
        ({"range": 0}, "range=0 must be at least 1"),
    ],
)
def test_a_mean_takes_rows_that_there_are(options, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        extend_table(drawn(7), 9, method="mean", **options)
    with pytest.raises(InvalidArgumentError, match=sentence):
        exact_rows("mean", TableLayout(length=7), 9, **options)


def test_random_rows_have_the_mean_and_deviation_of_the_table():
    table = 3 + 0.02 * drawn(50, 16, np.float32)
    new = extend_table(table, 4050, method="random")[50:].astype(np.float64)
    assert new.mean() == pytest.approx(table.mean(dtype=np.float64), abs=3e-4)
    assert new.std() == pytest.approx(table.std(dtype=np.float64), rel=0.02)


def test_random_is_a_matter_of_the_seed_alone():
    table = drawn(5)
    found = extend_table(table, 12, method="random", seed=3)
    np.random.default_rng(99).standard_normal(7)
    assert extend_table(table, 12, method="random", seed=3).tobytes() == found.tobytes()
    assert extend_table(table, 12, method="random", seed=4)[5:].tobytes() != found[5:].tobytes()
    assert (
        extend_table(table, 12, method="random").tobytes() == extend_table(table, 12, method="random", seed=0).tobytes()
    )
    assert extend_table(table, 20, method="random", seed=3)[:12].tobytes() == found.tobytes()


@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 2**31), st.sampled_from(["linear", "cubic"]))
def test_points_on_a_row_are_that_row_even_minus_zero(old, more, seed, method):
    table = drawn(old, dtype=np.float32, seed=seed)
    table[:, 0] = -0.0
    found = extend_table(table, old + more, method=method)
    hits = 0
    for t in range(old + more):
        above, below = t * (old - 1), max(old + more - 1, 1)
        if above % below == 0:
            hits += 1
            assert found[t].tobytes() == table[above // below].tobytes()
    assert hits >= min(2, old + more)


def test_a_very_long_table_is_made():
    found = extend_table(drawn(5, 1), 1_000_001)
    assert found.shape == (1_000_001, 1)
    assert (found[::250_000] == drawn(5, 1)).all()


@pytest.mark.parametrize(("old", "new", "used"), [(7, 20, 5), (7, 7, 5), (8, 9, 1), (5, 12, 5), (16, 63, 15)])
def test_tile_over_a_range(old, new, used):
    table = np.random.default_rng(0).standard_normal((old, 3)).astype(np.float32)
    found = extend_table(table, new, method="tile", range=used)
    for t in range(new):
        assert found[t].tobytes() == table[t % used].tobytes()
    pairs = exact_rows("tile", TableLayout(length=old), new, range=used)
    assert pairs.tolist() == [[t % used, t] for t in range(new)]


def test_a_tile_s_range_lies_within_the_table():
    with pytest.raises(InvalidArgumentError, match="range=8 is above the table's 7 positions"):
        extend_table(np.zeros((7, 2)), 9, method="tile", range=8)
    with pytest.raises(InvalidArgumentError, match="range=0"):
        extend_table(np.zeros((7, 2)), 9, method="tile", range=0)
