"""Directions of weight matrices, and how much rows excite them."""

import numpy as np
import pytest

from posembed.tables.trained_range.thresholds import PLAIN_DIRECTIONS
from posembed.tables.trained_range.weight_shape import weight_shape

WIDTH = 32


def learned(rng, rank=2, size=3.0, rows=64):
    """A random matrix with a few strong directions, and those."""
    directions = np.linalg.qr(rng.normal(size=(WIDTH, rank)))[0]
    return rng.normal(size=(rows, WIDTH)) + size * rng.normal(size=(rows, rank)) @ directions.T, directions


def test_the_strong_directions_come_first():
    matrix, directions = learned(np.random.default_rng(0))
    shape = weight_shape([matrix], WIDTH)
    assert np.allclose(shape.directions.T @ shape.directions, np.eye(WIDTH), atol=1e-9)
    assert ((shape.directions[:, :2].T @ directions) ** 2).sum() > 1.8


def test_either_side_of_a_matrix_counts():
    matrix, directions = learned(np.random.default_rng(0))
    for given in (matrix, matrix.T):
        shape = weight_shape([np.zeros((64, 16)), given], WIDTH)
        assert ((shape.directions[:, :2].T @ directions) ** 2).sum() > 1.8


@pytest.mark.parametrize(
    "weights",
    [[], [np.ones((64, 16))], [np.ones((2, WIDTH))], [np.zeros((64, WIDTH))], [np.full((64, WIDTH), np.nan)]],
)
def test_weights_that_say_nothing_have_no_shape(weights):
    assert weight_shape(weights, WIDTH) is None


def test_a_table_of_few_columns_has_none():
    assert (
        weight_shape([np.random.default_rng(0).normal(size=(64, 2 * PLAIN_DIRECTIONS))], 2 * PLAIN_DIRECTIONS) is None
    )


def test_random_rows_excite_weights_as_much_as_any():
    rng = np.random.default_rng(0)
    shape = weight_shape([learned(rng)[0], learned(rng)[0].T, rng.normal(size=(WIDTH, WIDTH))], WIDTH)
    excited = shape.excitations(5 * rng.normal(size=(20_000, WIDTH)))
    assert np.allclose(excited.mean(axis=0), 0, atol=0.05)
    assert np.allclose(np.cov(excited.T), np.eye(excited.shape[1]), atol=0.1)


def test_rows_that_the_weights_remember_excite_them_more():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, WIDTH))
    matrix = rng.normal(size=(128, WIDTH)) + 0.4 * rng.normal(size=(128, 10)) @ rows[:10]
    excited = weight_shape([matrix], WIDTH).excitations(rows)[:, 0]
    assert abs(excited[:10].mean() - excited[10:].mean()) > 0.5
