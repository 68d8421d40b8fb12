import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.extend import extend_table
from posembed.tables.measures.compare_two import compare_tables, linear_cka


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_before_and_after_an_extension():
    table, layout = drawn(34, 6), TableLayout(length=32, reserved=2)
    tiled = extend_table(table, 50, method="tile", layout=layout)
    found = compare_tables(table, tiled, layout, TableLayout(length=50, reserved=2))
    assert (found.positions, found.equal_positions, found.equal_from_start) == (32, 32, 32)
    assert (found.largest_difference, found.cka) == (0.0, pytest.approx(1.0))
    assert found.remarks == ("32 and 50 positions: the first 32 are compared", "the 2 reserved rows are equal")
    stretched = extend_table(table, 50, method="stretch", layout=layout, keep=8)
    found = compare_tables(table, stretched, layout, TableLayout(length=50, reserved=2))
    assert found.equal_from_start == 9  # the kept rows and the one that interpolation begins with
    assert found.row_cosine[20] < 0.99


def test_rows_against_loops():
    a, b = drawn(7, 4), drawn(7, 4, 1)
    a[2] = 0
    found = compare_tables(a, b, TableLayout(length=7), TableLayout(length=7))
    for t in range(7):
        if t == 2:
            assert (found.row_cosine[t], found.row_difference[t]) == (None, None)
            continue
        size = np.linalg.norm(a[t])
        assert found.row_cosine[t] == pytest.approx(a[t] @ b[t] / size / np.linalg.norm(b[t]))
        assert found.row_difference[t] == pytest.approx(np.linalg.norm(a[t] - b[t]) / size)
    assert found.largest_difference == np.abs(a - b).max()
    assert (found.equal_positions, found.equal_from_start) == (0, 0)


def test_tables_of_two_widths_have_their_geometry_alone():
    a = drawn(20, 4)
    found = compare_tables(a, a @ np.linalg.qr(drawn(9, 9))[0][:4], *[TableLayout(length=20)] * 2)
    assert (found.row_cosine, found.largest_difference) == (None, None)
    assert found.cka == pytest.approx(1.0)
    assert "widths 4 and 9" in found.remarks[0]


def test_grids_of_two_sizes_are_not_laid_on_each_other():
    layouts = TableLayout(grid=(4, 4), prefix=1), TableLayout(grid=(5, 5), prefix=1)
    found = compare_tables(drawn(17, 3), drawn(26, 3, 1), *layouts)
    assert (found.positions, found.cka, found.row_cosine) == (0, None, None)
    assert "a grid of 4 × 4 and a grid of 5 × 5" in found.remarks[0]
    assert found.remarks[1] == "the 1 prefix rows are different"
    assert (
        "2 and 0 reserved rows"
        in compare_tables(drawn(9, 3), drawn(7, 3), TableLayout(length=7, reserved=2), TableLayout(length=7)).remarks
    )


def test_cka_against_its_formula():
    a, b = drawn(30, 5), drawn(30, 40, 1)
    k, m = ((t - t.mean(0)) @ (t - t.mean(0)).T for t in (a, b))
    assert linear_cka(a, b) == pytest.approx((k * m).sum() / np.linalg.norm(k) / np.linalg.norm(m))
    assert linear_cka(a, np.ones((30, 2))) is None
    assert linear_cka(1e-200 * a, 1e200 * b) == pytest.approx(linear_cka(a, b))
