import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.nn import sinusoidal_rows
from posembed.tables.analyze import (
    cosine_matrix,
    effective_rank,
    explained_share,
    random_share,
    sinusoidal_basis,
)


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_cosines_against_loops():
    table = drawn(7, 4) + 3.0
    centred = table - table.mean(axis=0)
    found = cosine_matrix(table)
    for i in range(7):
        for j in range(7):
            expected = centred[i] @ centred[j] / (np.linalg.norm(centred[i]) * np.linalg.norm(centred[j]))
            assert found[i, j] == pytest.approx(expected, abs=1e-12)
    assert np.abs(found).max() <= 1.0


def test_the_cosine_of_a_row_that_is_the_mean_is_zero():
    found = cosine_matrix(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]))
    assert found.tolist() == [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def orthonormal(rows, rank, seed=0):
    """Columns that are orthonormal and, like every centred table's, sum to zero."""
    columns = drawn(rows, rank, seed)
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


@pytest.mark.parametrize("rank", [1, 2, 5, 9])
def test_effective_rank_of_equal_singular_values(rank):
    table = orthonormal(20, rank) @ np.linalg.qr(drawn(12, rank, 1))[0].T
    assert effective_rank(table) == pytest.approx(rank)
    assert effective_rank(7.0 * table + 3.0) == pytest.approx(rank)  # neither scale nor a constant row matters


def test_effective_rank_of_unequal_singular_values():
    singular = np.array([4.0, 2.0, 1.0, 1.0])
    table = orthonormal(20, 4) * singular @ np.linalg.qr(drawn(12, 4, 1))[0].T
    share = singular / 8
    assert effective_rank(table) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_effective_rank_at_its_ends():
    assert effective_rank(np.arange(9.0)[:, None] * np.ones((1, 4))) == pytest.approx(1.0)
    assert effective_rank(np.ones((1, 4))) == 0.0
    assert effective_rank(np.eye(6)) == pytest.approx(5.0)  # rows − 1


@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_effective_rank_is_bounded(rows, width, seed):
    assert 1.0 - 1e-9 <= effective_rank(drawn(rows, width, seed)) <= min(rows - 1, width) + 1e-9


@pytest.mark.parametrize(("rows", "functions"), [(64, 8), (128, 16), (33, 2), (512, 64)])
def test_the_basis_is_orthonormal_and_centred(rows, functions):
    basis = sinusoidal_basis(rows, functions)
    assert 1 <= basis.shape[1] <= functions
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-10)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-5)


def test_the_basis_spans_the_sinusoidal_encoding_of_its_width():
    table = sinusoidal_rows(torch.arange(128), 16).numpy()
    assert explained_share(table, sinusoidal_basis(128, 16)) == pytest.approx(1.0, abs=1e-9)
    assert explained_share(table, sinusoidal_basis(128, 4)) < 0.9


def test_nearly_collinear_sinusoids_are_counted_once():
    assert sinusoidal_basis(8, 64).shape[1] <= 7  # 8 centred rows have no more directions
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


def test_a_constant_table_has_nothing_to_measure():
    for value in (0.0, 0.1, -1e30, 1e-30):
        table = np.full((16, 5), value)
        assert np.isnan(explained_share(table, sinusoidal_basis(16, 2)))
        assert effective_rank(table) == 0.0
        assert (cosine_matrix(table) == 0).all()


@pytest.mark.parametrize(("rows", "rank"), [(64, 8), (32, 16), (128, 2)])
def test_random_rows_reach_the_share_of_the_rank(rows, rank):
    basis = orthonormal(rows, rank)
    share = random_share(rows, 64, basis, draws=16)
    assert share == pytest.approx(rank / (rows - 1), rel=0.1)
    assert share == random_share(rows, 64, basis, draws=16)
    assert share != random_share(rows, 64, basis, draws=16, seed=1)


MEASURES = [cosine_matrix, effective_rank, lambda table: explained_share(table, sinusoidal_basis(4, 2))]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.array([[1.0, np.nan]] * 4), "table holds values that are not finite; it cannot be measured"),
        (np.array([[1.0, np.inf]] * 4), "not finite"),
        (np.zeros(4), r"table must be a non-empty \[rows, d_model\], got shape \[4\]"),
        (np.zeros((0, 3)), r"got shape \[0, 3\]"),
        (np.zeros((4, 0)), r"got shape \[4, 0\]"),
    ],
)
def test_tables_that_cannot_be_measured(measure, table, message):
    with pytest.raises(InvalidArgumentError, match=message):
        measure(table)
