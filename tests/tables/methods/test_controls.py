"""Zeros and random rows behind the old ones, which a useful method must beat."""

import statistics

import numpy as np
import pytest

from posembed.tables.extend import extend_table
from tests.fixtures.formulas import SIZES, drawn


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
