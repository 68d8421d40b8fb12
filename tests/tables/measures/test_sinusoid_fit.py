import numpy as np
import pytest

from posembed.tables.measures.sinusoid_fit import sinusoid_fit
from posembed.tables.measures.sinusoids import explained_share, random_share, sinusoidal_basis, sinusoidal_table


@pytest.mark.parametrize(("rows", "functions"), [(4, 2), (16, 2), (31, 2), (32, 4), (64, 8), (1024, 128), (1056, 128)])
def test_one_function_per_eight_rows(rows, functions):
    assert sinusoid_fit(np.random.default_rng(0).standard_normal((rows, 2))).functions == functions


def test_a_sinusoid_and_random_rows():
    found = sinusoid_fit(sinusoidal_table(64, 16))
    assert found.correlation == pytest.approx(1.0)
    assert found.explained_share == pytest.approx(explained_share(sinusoidal_table(64, 16), sinusoidal_basis(64, 8)))
    noise = sinusoid_fit(np.random.default_rng(0).standard_normal((64, 256)))
    assert noise.explained_share == pytest.approx(noise.explained_share_random, abs=0.02)
    assert found.explained_share_random == pytest.approx(random_share(64, 256, sinusoidal_basis(64, 8)), abs=0.01)


def test_a_constant_table():
    assert (sinusoid_fit(np.ones((64, 4))).explained_share, sinusoid_fit(np.ones((64, 4))).correlation) == (None, None)
