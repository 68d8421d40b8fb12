"""What extend_table refuses, and the sentence with which it does."""

import math

import ml_dtypes
import numpy as np
import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import extend_table
from posembed.tables.methods import whole

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


def drawn(rows, width=3, dtype=np.float64):
    return np.random.default_rng(0).standard_normal((rows, width)).astype(dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["linear", "tile", "crop"])
def test_a_table_that_is_not_finite_is_refused(value, dtype, method):
    table = drawn(6, dtype=dtype)
    table[3, 1] = table[5, 0] = value
    with pytest.raises(InvalidArgumentError, match=r"table row 3 holds nan or inf \(2 such rows of 6\)"):
        extend_table(table, 2 if method == "crop" else 8, method=method)


GRID = TableLayout(grid=(2, 2))


@pytest.mark.parametrize(
    ("table", "length", "options", "message"),
    [
        (
            np.zeros((4, 2)),
            3,
            {},
            "length=3 is below the table's usable length 4; 'linear' only lengthens: pass method='crop'",
        ),
        (np.zeros((4, 2)), 3, {"method": "tile"}, "usable length 4; 'tile' only lengthens"),
        (np.zeros((6, 2)), 3, {"layout": TableLayout(length=4, reserved=2)}, "length=3 is below .* usable length 4"),
        (np.zeros((6, 2)), 5, {"layout": TableLayout(length=4, prefix=2)}, "length=5 is below .* usable length 6"),
        (
            np.zeros((4, 2)),
            5,
            {"method": "crop"},
            "length=5 is above the table's usable length 4; 'crop' only shortens",
        ),
        (
            np.zeros((6, 2)),
            2,
            {"method": "crop", "layout": TableLayout(4, prefix=2)},
            "length=2 leaves no position: at least 1",
        ),
        (np.zeros((4, 2)), 0, {}, "length=0 must be at least 1"),
        (np.zeros((0, 2)), 3, {}, "the table has no positions"),
        (
            np.zeros((4, 2)),
            8,
            {"method": "cube"},
            "method='cube' is unknown; for a sequence it must be one of linear, cubic,",
        ),
        (np.zeros((4, 2)), 8, {"layout": TableLayout(length=5)}, "layout describes 5 rows, but the table has 4"),
        (
            np.zeros((4, 2)),
            8,
            {"layout": GRID},
            r"'linear' is a sequence method, but the table is a grid of \(2, 2\); for a grid",
        ),
        (
            np.zeros((4, 2)),
            8,
            {"method": "bicubic"},
            "'bicubic' is a grid method, but the table is a sequence of 4 positions",
        ),
        (
            np.zeros((4, 2)),
            8,
            {"layout": GRID, "method": "tile"},
            r"pass grid=\(height, width\), got length=8 and grid=None",
        ),
        (np.zeros((4, 2)), 8, {"layout": GRID, "method": "tile", "grid": (3, 3)}, "got length=8 and grid="),
        (
            np.zeros((4, 2)),
            8,
            {"grid": (2, 4)},
            r"sequence of 4 positions: pass length, got length=8 and grid=\(2, 4\)",
        ),
        (np.zeros((4, 2)), None, {}, "pass length, got length=None and grid=None"),
        (
            np.zeros((4, 2)),
            None,
            {"layout": GRID, "method": "tile", "grid": (0, 3)},
            "grid's height=0 must be at least 1",
        ),
        (np.zeros((4, 2)), 8, {"alpha": 0.4}, "method 'linear' has no option 'alpha': it has none"),
        (
            np.zeros((4, 2)),
            8,
            {"method": "stretch", "k": 4},
            "'stretch' has no option 'k': its options are keep, range, kernel, ratio",
        ),
        (np.zeros((4, 0)), 8, {}, r"got float64 of shape \[4, 0\]"),
        (np.zeros(4), 8, {}, r"table must be floating-point \[rows, d_model\], got float64 of shape \[4\]"),
        (np.zeros((4, 2), dtype=np.int32), 8, {}, "got int32 of shape .* dequantize the table first"),
        (np.zeros((4, 2), dtype=ml_dtypes.float8_e4m3fn), 8, {}, "got float8_e4m3fn of shape"),
        (np.zeros((4, 2), dtype=ml_dtypes.float8_e5m2), 8, {}, "got float8_e5m2 of shape"),
        (np.zeros((4, 2), dtype=np.longdouble), 8, {}, "float16, bfloat16, float32 and float64 are supported"),
        (np.zeros((4, 2), dtype=complex), 8, {}, "got complex128 of shape"),
        (np.zeros((4, 2), dtype=bool), 8, {}, "got bool of shape"),
    ],
)
def test_what_cannot_be(table, length, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        extend_table(table, length, **options)


@pytest.mark.parametrize("length", [8.0, "8", True, None])
def test_a_length_of_another_type(length):
    error = InvalidArgumentError if length is None else ArgumentTypeError
    with pytest.raises(error, match="length"):
        extend_table(drawn(4), length)
    with pytest.raises(ArgumentTypeError, match="method=None must be a name, such as 'tile'"):
        extend_table(drawn(4), 8, method=None)


@pytest.mark.parametrize(
    ("method", "options", "error", "message"),
    [
        (
            "hierarchical",
            {"alpha": 0.5},
            InvalidArgumentError,
            r"alpha=0\.5 gives positions i·L \+ j and j·L \+ i the same",
        ),
        ("hierarchical", {"alpha": 1.0}, InvalidArgumentError, r"alpha=1\.0 must lie between 0 and 1, such as 0\.4"),
        ("hierarchical", {"alpha": 0}, InvalidArgumentError, "alpha=0 must lie between"),
        ("hierarchical", {"alpha": -0.1}, InvalidArgumentError, r"alpha=-0\.1 must lie between"),
        ("hierarchical", {"alpha": math.nan}, InvalidArgumentError, "alpha=nan must lie between"),
        ("hierarchical", {"alpha": "0.4"}, ArgumentTypeError, "alpha='0.4' must be a number between 0 and 1"),
        ("hierarchical", {"alpha": True}, ArgumentTypeError, "alpha=True must be a number"),
        ("stretch", {"keep": 4}, InvalidArgumentError, "keep=4 must be below range=4, the number of rows used"),
        ("stretch", {"keep": 2, "range": 2}, InvalidArgumentError, "keep=2 must be below range=2"),
        ("stretch", {"keep": -1}, InvalidArgumentError, "keep=-1 must be at least 0"),
        ("stretch", {"keep": 1.0}, ArgumentTypeError, r"keep=1\.0 must be a whole number, at least 0"),
        ("stretch", {"range": 5}, InvalidArgumentError, "range=5 is above the table's 4 positions; leave it out"),
        ("stretch", {"range": 0}, InvalidArgumentError, "range=0 must be at least 1"),
        ("stretch", {"range": True}, ArgumentTypeError, "range=True must be a whole number"),
        ("stretch", {"ratio": 0}, InvalidArgumentError, "ratio=0 must be at least 1"),
        ("stretch", {"ratio": 10**30}, InvalidArgumentError, r"ratio=10+ must be at most the \d+ new rows"),
        ("stretch", {"ratio": 1.5}, ArgumentTypeError, r"ratio=1\.5 must be a whole number"),
        ("stretch", {"kernel": "quintic"}, InvalidArgumentError, "kernel='quintic' must be 'linear' or 'cubic'"),
        ("random", {"seed": None}, ArgumentTypeError, "seed=None must be a whole number, at least 0"),
        ("random", {"seed": -1}, InvalidArgumentError, "seed=-1 must be at least 0"),
    ],
)
def test_option_values_that_cannot_be(method, options, error, message):
    with pytest.raises(error, match=message):
        extend_table(drawn(4), 8, method=method, **options)


@pytest.mark.parametrize("value", [np.array([1, 2]), 2.0, "2", None, np.True_])
def test_what_is_no_whole_number(value):
    with pytest.raises(ArgumentTypeError, match=r"n=.* must be a whole number, at least 1"):
        whole("n", value, 1)
