import math

import numpy as np
import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.nn import sinusoidal_rows
from posembed.tables.measures.similarity import cosine_matrix
from posembed.tables.measures.sinusoids import (
    explained_share,
    random_share,
    similarity_to_sinusoid,
    sinusoidal_basis,
    sinusoidal_table,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def orthonormal(rows, rank, seed=0):
    """Columns that are orthonormal and, like every centered table's, sum to zero."""
    columns = drawn(rows, rank, seed)
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


@pytest.mark.parametrize(("rows", "functions"), [(64, 8), (128, 16), (33, 2), (512, 64)])
def test_the_basis_is_orthonormal_and_centered(rows, functions):
    basis = sinusoidal_basis(rows, functions)
    assert 1 <= basis.shape[1] <= functions
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-10)
    np.testing.assert_allclose(basis.sum(axis=0), 0, rtol=0, atol=1e-5)  # ε · √rows over the least value kept, 1e-9


def test_the_basis_spans_the_sinusoidal_encoding_of_its_width():
    table = sinusoidal_rows(torch.arange(128), 16).numpy()
    assert explained_share(table, sinusoidal_basis(128, 16)) == pytest.approx(1.0, abs=1e-9)
    assert explained_share(table, sinusoidal_basis(128, 4)) < 0.9


def test_nearly_collinear_sinusoids_are_counted_once():
    assert sinusoidal_basis(8, 64).shape[1] <= 7  # 8 centered rows have no more directions
    assert sinusoidal_basis(1, 4).shape == (1, 0)


@pytest.mark.parametrize("functions", [0, 1, 3, -2])
def test_sinusoids_come_in_pairs(functions):
    with pytest.raises(InvalidArgumentError, match=f"functions={functions} must be even and at least 2"):
        sinusoidal_basis(8, functions)


def test_explained_share_of_a_mixture():
    both = orthonormal(64, 6)
    inside, outside = both[:, :3], both[:, 3:]
    weights = drawn(3, 5, 2)
    table = inside @ weights + 2.0 * outside @ weights
    assert explained_share(table, inside) == pytest.approx(1 / 5)
    assert explained_share(table + 9.0, outside) == pytest.approx(4 / 5)
    assert explained_share(table, both) == pytest.approx(1.0)


def test_a_full_basis_explains_everything():
    assert explained_share(drawn(16, 5), orthonormal(16, 15)) == pytest.approx(1.0)


@pytest.mark.parametrize(("rows", "rank"), [(64, 8), (32, 16), (128, 2)])
def test_random_rows_reach_the_share_of_the_rank(rows, rank):
    basis = orthonormal(rows, rank)
    share = random_share(rows, 64, basis, draws=16)
    assert share == pytest.approx(rank / (rows - 1), rel=0.1)
    assert share == random_share(rows, 64, basis, draws=16)
    assert share != random_share(rows, 64, basis, draws=16, seed=1)


@pytest.mark.parametrize(("rows", "width"), [(1, 2), (63, 60), (128, 7), (4, 1)])
def test_the_fixed_encoding_is_the_module_s(rows, width):
    ours = sinusoidal_table(rows, width)
    assert ours.shape == (rows, width)
    if width % 2 == 0:
        theirs = sinusoidal_rows(torch.arange(rows), width).numpy()
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(("rows", "width"), [(3, 2), (63, 60), (20, 70)])
def test_similarity_to_the_sinusoid_against_the_matrices(rows, width):
    table = np.cumsum(drawn(rows, width, 6), axis=0)
    first, second = np.triu_indices(rows, 1)
    ours, theirs = (cosine_matrix(t)[first, second] for t in (table, sinusoidal_table(rows, width)))
    assert similarity_to_sinusoid(table) == pytest.approx(np.corrcoef(ours, theirs)[0, 1], abs=1e-9)


def test_similarity_to_the_sinusoid_where_there_is_none():
    assert similarity_to_sinusoid(np.ones((9, 4))) is None
    assert similarity_to_sinusoid(np.ones((1, 4))) is None
    turned = sinusoidal_table(40, 8) @ np.linalg.qr(drawn(8, 8))[0]
    assert similarity_to_sinusoid(1e-100 * turned) == pytest.approx(1.0)


@pytest.mark.parametrize("width", [2, 4, 60, 130])
@pytest.mark.parametrize("rows", [3, 4, 63, 64])
def test_the_fixed_encoding_is_wholly_sinusoidal(rows, width):
    for table in (sinusoidal_table(rows, width), 7.0 - 2.5 * sinusoidal_table(rows, width)):
        assert similarity_to_sinusoid(table) == pytest.approx(1.0, abs=1e-9)
        assert explained_share(table, sinusoidal_basis(rows, width)) == pytest.approx(1.0, abs=1e-9)


def test_the_fixed_encoding_in_python_numbers():
    for rows, width in ((1, 1), (5, 3), (9, 6)):
        expected = [
            [(math.sin if i % 2 == 0 else math.cos)(position / 10000 ** ((i - i % 2) / width)) for i in range(width)]
            for position in range(rows)
        ]
        np.testing.assert_allclose(sinusoidal_table(rows, width), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("rows", "width", "functions"), [(63, 60, 6), (64, 2, 8), (5, 1, 2), (20, 90, 4)])
def test_explained_share_against_least_squares(rows, width, functions):
    table = np.cumsum(drawn(rows, width, 9), axis=0)
    angles = np.arange(rows)[:, None] / 10000.0 ** (np.arange(0, functions, 2) / functions)
    design = np.concatenate((np.ones((rows, 1)), np.sin(angles), np.cos(angles)), axis=1)
    left_over = table - design @ np.linalg.lstsq(design, table, rcond=None)[0]
    expected = 1 - (left_over**2).sum() / ((table - table.mean(axis=0)) ** 2).sum()
    assert explained_share(table, sinusoidal_basis(rows, functions)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e150])
def test_neither_share_nor_similarity_depends_on_scale(scale):
    table, basis = np.cumsum(drawn(30, 5, 3), axis=0), sinusoidal_basis(30, 4)
    assert explained_share(scale * table, basis) == pytest.approx(explained_share(table, basis), rel=1e-12)
    assert similarity_to_sinusoid(scale * table) == pytest.approx(similarity_to_sinusoid(table), abs=1e-12)


@pytest.mark.parametrize("rows", [1, 2])
def test_one_pair_of_rows_correlates_with_nothing(rows):
    assert similarity_to_sinusoid(drawn(rows, 6)) is None


def test_a_row_that_is_the_mean_is_like_none():
    table = np.concatenate((drawn(6, 4), -drawn(6, 4), np.zeros((1, 4))))[::-1]
    table = np.rint(8 * table)  # whole numbers: the mean is an exact zero, and so is row 0
    first, second = np.triu_indices(13, 1)
    ours, theirs = (cosine_matrix(t)[first, second] for t in (table, sinusoidal_table(13, 4)))
    assert (ours[:12] == 0).all()
    assert similarity_to_sinusoid(table) == pytest.approx(np.corrcoef(ours, theirs)[0, 1], abs=1e-9)
