"""The four methods for grids: which function each is, and what it promises."""

import numpy as np
import pytest

from posembed.tables import resample
from posembed.tables.methods.grids import BICUBIC, BILINEAR, GRID_TILE, NEAREST


@pytest.mark.parametrize(("method", "mode"), [(BICUBIC, "bicubic"), (BILINEAR, "bilinear")])
def test_interpolation_is_the_resampling_of_that_name(method, mode):
    rows = np.random.default_rng(0).standard_normal((3, 4, 2))
    np.testing.assert_array_equal(method.function(rows, (5, 6)), resample.resize_grid(rows, (5, 6), mode=mode))
    assert len(method.kept((3, 4), (5, 6))) == 0
    assert len(method.kept((3, 4), (3, 4))) == 12


@pytest.mark.parametrize(
    ("method", "source"), [(NEAREST, lambda t, old, new: t * old // new), (GRID_TILE, lambda t, old, _: t % old)]
)
def test_copies_are_copies_of_the_named_row(method, source):
    rows, new = np.arange(6.0).reshape(2, 3, 1), (5, 4)
    made = method.function(rows, new)
    for y in range(5):
        for x in range(4):
            assert made[y, x, 0] == rows[source(y, 2, 5), source(x, 3, 4), 0]
    pairs = method.kept((2, 3), new)
    np.testing.assert_array_equal(made.reshape(-1)[pairs[:, 1]], rows.reshape(-1)[pairs[:, 0]])
    assert len(pairs) == 20


def test_all_are_grid_methods_that_grow_and_shrink():
    for method in (BICUBIC, BILINEAR, NEAREST, GRID_TILE):
        assert (method.kind, method.direction) == ("grid", "any")
