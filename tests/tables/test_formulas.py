"""The published formulas, and which of them a table's rows follow."""

import math

import ml_dtypes
import numpy as np
import pytest
import torch

from posembed.layout import TableLayout
from posembed.nn.sinusoidal import sinusoidal_rows
from posembed.tables.formulas import ANGLE_ERROR, Formula, formula_of, sinusoid_rows, tolerance

VARIANTS = ("interleaved", "half", "fairseq")
ORDERS = ("width first", "height first")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("d_model", [1, 2, 3, 8, 65])
def test_rows_are_those_of_the_module(variant, d_model):
    positions = torch.arange(40)
    wanted = sinusoidal_rows(positions, d_model, variant=variant).numpy()
    np.testing.assert_allclose(sinusoid_rows(positions.numpy(), d_model, variant), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_a_grid_one_number_at_a_time(order):
    rows = Formula("half", order=order).rows((3, 5), 8)
    assert rows.shape == (3, 5, 8)
    for y in range(3):
        for x in range(5):
            halves = []
            for place in (x, y) if order == "width first" else (y, x):
                halves += [f(place / 10000 ** (i / 2)) for f in (math.sin, math.cos) for i in range(2)]
            np.testing.assert_allclose(rows[y, x], halves, rtol=0, atol=1e-15)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("first", [0, 1, 4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_a_sequence_is_recognized_in_every_dtype(variant, first, dtype):
    table = Formula(variant, first).rows(50, 16).astype(dtype)
    assert formula_of(table, TableLayout(length=50)) == Formula(variant, first)
    assert formula_of(table[:8], TableLayout(length=50)) == Formula(variant, first)  # the leading rows alone
    assert formula_of(table.astype(np.float32), TableLayout(length=50)) == Formula(variant, first)  # widened later


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("order", ORDERS)
def test_a_grid_is_recognized_behind_its_class_row(variant, order):
    table = Formula(variant, order=order).rows((6, 9), 16).reshape(54, 16)
    table = np.concatenate((np.full((1, 16), 7.0), table)).astype(np.float32)
    layout = TableLayout(grid=(6, 9), prefix=1)
    for rows in (len(table), 6, 23):
        assert formula_of(table[:rows], layout) == Formula(variant, order=order)


def test_rows_before_and_behind_may_hold_anything():
    table = np.concatenate((np.ones((2, 8)), Formula("fairseq", 2).rows(16, 8), np.ones((1, 8))))
    assert formula_of(table, TableLayout(length=16, reserved=2, suffix=1)) == Formula("fairseq", 2)


def test_what_follows_none():
    table = Formula("half").rows(40, 16)
    layout = TableLayout(length=40)
    drawn = np.random.default_rng(0).normal(size=(40, 16))
    holed = table.copy()
    holed[3, 3] = np.nan
    for rows in (drawn, 2 * table, table[::-1], table[5:], table[:3], holed, table[:, :1], table[:, 3:]):
        assert formula_of(rows, TableLayout(length=len(rows))) is None
    assert formula_of(table[:, :15], layout) is None
    odd = np.concatenate((table[:, :7], table[:, :8]), axis=1)  # 15 columns: no two halves
    assert formula_of(odd[:36], TableLayout(grid=(6, 6))) is None


def test_a_table_that_was_never_filled():
    assert formula_of(np.zeros((8, 4)), TableLayout(length=8)) == Formula("zeros")
    assert Formula("zeros").rows(3, 4).tolist() == [[0.0] * 4] * 3
    assert Formula("zeros").rows((2, 3), 4).shape == (2, 3, 4)
    assert formula_of(np.ones((8, 4)), TableLayout(length=8)) is None


@pytest.mark.parametrize(("dtype", "rounding"), [
    (np.float32, 2.0**-24), (np.float16, 2.0**-11), (ml_dtypes.bfloat16, 2.0**-8)
])  # fmt: skip
def test_the_tolerance_is_the_rounding_of_the_dtype(dtype, rounding):
    values = Formula("half").rows(9, 8).astype(dtype).astype(np.float64)
    assert tolerance(values, 1) == pytest.approx(rounding + ANGLE_ERROR)
    assert tolerance(values, 1000) == pytest.approx(rounding + 1000 * ANGLE_ERROR)


@pytest.mark.parametrize(("length", "width"), [(1500, 384), (448, 64), (8192, 512)])
def test_angles_that_a_library_computed_in_float32(length, width):
    """Whisper's own code: four times as far off and more would be no rounding."""
    whisper = pytest.importorskip("transformers.models.whisper.modeling_whisper")
    rows = whisper.sinusoids(length, width).numpy()
    assert formula_of(rows, TableLayout(length=length)) == Formula("fairseq")
    error = np.abs(rows - Formula("fairseq").rows(length, width)).max()
    assert error < tolerance(rows, length) < 6 * error


def test_names():
    assert [str(Formula("half")), str(Formula("half", order="width first"))] == ["half", "half, width first"]
