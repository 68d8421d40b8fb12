"""Sparse rows give what arrays give."""

import numpy as np
import pytest
from scipy import sparse

from posembed.quality.models.rows import dense_rows, dot_products, join_rows, mean_rows, split_rows, unit

COUNTS = [2, 1, 3]


@pytest.fixture
def both():
    rng = np.random.default_rng(0)
    rows = np.asarray(rng.normal(size=(6, 5)) * (rng.random((6, 5)) < 0.5), dtype=np.float32)
    rows[1] = 0
    return rows, sparse.csr_array(rows)


def test_parts_come_back(both):
    for rows in both:
        parts = split_rows(rows, COUNTS)
        assert [part.shape[0] for part in parts] == COUNTS
        assert sparse.issparse(join_rows(parts)) == sparse.issparse(rows)
        np.testing.assert_array_equal(dense_rows(join_rows(parts)), both[0])


def test_means(both):
    wanted = np.stack([both[0][:2].mean(axis=0), both[0][2], both[0][3:].mean(axis=0)])
    for rows in both:
        means = mean_rows(rows, COUNTS)
        assert means.dtype == np.float32
        np.testing.assert_allclose(dense_rows(means), wanted, rtol=1e-6)


def test_lengths_and_products(both):
    dense, rows = both
    np.testing.assert_allclose(dense_rows(unit(rows)), unit(dense), rtol=1e-6)
    for one in both:
        assert not sparse.issparse(dot_products(one, one))
        np.testing.assert_allclose(dot_products(one, one[:2]), dense @ dense[:2].T, rtol=1e-5, atol=1e-6)
