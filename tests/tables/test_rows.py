import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.brief import brief_analysis
from posembed.tables.measures.norms import row_profile
from posembed.tables.measures.plot_data import patch_maps, table_views
from posembed.tables.measures.probes import position_probe
from posembed.tables.measures.rank_correlation import rank_correlation
from posembed.tables.measures.similarity import measure_similarity, toeplitz_r2
from posembed.tables.rows import as_rows, centered, centered_to_one, row_norms, unit_rows


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.int8, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
)
def test_numbers_of_every_kind_are_rows(dtype):
    rows = as_rows(np.array([[1, 2], [3, 4]]).astype(dtype))
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((2, 2), complex), "must hold real numbers, got dtype complex128"),
        (np.zeros((2, 2), bool), "got dtype bool"),
        (np.array([["a"]]), "got dtype <U1"),
        (np.zeros((2, 2), object), "got dtype object"),
        (np.array([["2026-01-01"]], "datetime64[D]"), r"got dtype datetime64\[D\]"),
        (np.float64(3.0), r"got shape \[\]"),
        (np.zeros(4), r"got shape \[4\]"),
        (np.zeros((0, 3)), r"got shape \[0, 3\]"),
        (np.zeros((3, 0)), r"got shape \[3, 0\]"),
        (np.array([[0.0, 1.0], [1.0, -np.inf]], np.float16), r"row 1 is the first of 1 such rows"),
        (np.array([[0.0], [1.0], [np.nan]]).astype(ml_dtypes.bfloat16), r"row 2 is the first of 1 such rows"),
        (np.zeros((2, 2, 2)), r"non-empty \[rows, d_model\], got shape \[2, 2, 2\]"),
        (
            np.array([[0.0], [np.nan], [np.inf]]),
            r"not finite; it cannot be measured \(row 1 is the first of 2 such rows\)",
        ),
    ],
)
def test_what_is_no_table(table, message):
    with pytest.raises(InvalidArgumentError, match=message):
        as_rows(table)


def test_centring():
    table = np.random.default_rng(0).standard_normal((9, 4)) + 5
    np.testing.assert_allclose(centered(table), table - table.mean(axis=0), atol=1e-14)
    assert (centered(np.full((7, 3), 0.1)) == 0).all()
    assert np.abs(centered_to_one(1e-300 * table)).max() == 1.0
    assert (centered_to_one(np.zeros((2, 2))) == 0).all()


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200])
def test_unit_rows_at_every_scale(scale):
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(unit_rows(scale * rows), [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-9)


@pytest.mark.parametrize("function", [as_rows, centered, centered_to_one])
def test_the_table_that_was_given_stays_as_it_was(function):
    table = np.random.default_rng(1).standard_normal((5, 3))
    before = table.copy()
    found = function(table)
    assert not np.shares_memory(found, table)
    found[:] = 7.0
    assert (table == before).all()
    assert (function(np.asfortranarray(table)[:, ::-1]) == function(table)[:, ::-1]).all()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-900, 400), st.integers(0, 2**31))
def test_centered_rows_of_any_size_and_scale(rows, width, exponent, seed):
    table = np.random.default_rng(seed).standard_normal((rows, width))
    found = centered(np.ldexp(table, exponent))
    np.testing.assert_array_equal(found, np.ldexp(centered(table), exponent))  # a power of two changes no digit
    np.testing.assert_allclose(centered(table), table - table.mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(centered_to_one(np.ldexp(table, exponent)), centered_to_one(table))


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (2, 1), (3, 2), (63, 60), (64, 2)])
def test_unit_rows_against_a_loop(rows, width):
    table = np.random.default_rng(2).standard_normal((rows, width))
    table[rows // 2] = 0.0
    expected = [row / np.sqrt(sum(float(x) ** 2 for x in row)) if row.any() else row for row in table]
    np.testing.assert_allclose(unit_rows(table), expected, rtol=1e-14)


def test_half_precision_is_centered_in_full():
    table = np.full((40, 2), 60000.0, np.float16)  # whose sum no float16 can hold
    table[0] = 0.0
    wanted = table.astype(np.float64) - 60000.0 * 39 / 40
    np.testing.assert_allclose(centered(table), wanted, rtol=1e-15)


@pytest.mark.parametrize("call", [
    lambda rows: toeplitz_r2(rows, (2, 3)),
    lambda rows: measure_similarity(rows, (3, 3)),
    lambda rows: rank_correlation(rows, (2, 3)),
    lambda rows: position_probe(rows, (2, 3)),
    lambda rows: patch_maps(rows, (2, 3)),
])  # fmt: skip
def test_a_grid_that_is_not_the_rows_is_refused(call):
    with pytest.raises(InvalidArgumentError, match=r"grid=\dx3 is not the 30 rows of the table"):
        call(np.random.default_rng(0).standard_normal((30, 4)))


@pytest.mark.parametrize("call", [row_profile, brief_analysis, table_views])
def test_a_layout_that_is_not_the_rows_is_refused(call):
    with pytest.raises(InvalidArgumentError, match="layout describes 31 rows, but the table has 30"):
        call(np.random.default_rng(0).standard_normal((30, 4)), TableLayout(length=31))


def test_norms_beyond_what_squares_hold():
    rows = np.random.default_rng(0).standard_normal((9, 4))
    for scale in (2.0**-900, 1.0, 2.0**900):
        np.testing.assert_allclose(row_norms(scale * rows), scale * np.linalg.norm(rows, axis=1), rtol=1e-14)
    assert row_norms(np.zeros((2, 3))).tolist() == [0, 0]
