import ml_dtypes
import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.tables.centring import as_rows, centred, centred_to_one, unit_rows


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
    np.testing.assert_allclose(centred(table), table - table.mean(axis=0), atol=1e-14)
    assert (centred(np.full((7, 3), 0.1)) == 0).all()
    assert np.abs(centred_to_one(1e-300 * table)).max() == 1.0
    assert (centred_to_one(np.zeros((2, 2))) == 0).all()


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200])
def test_unit_rows_at_every_scale(scale):
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(unit_rows(scale * rows), [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-9)
