"""The method hierarchical against its formula, stated again one number at a time."""

import itertools

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.tables.extend import extend_table
from tests.fixtures.formulas import SIZES, by_column, drawn, naive_hierarchical


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
