"""Copies, equal rows and rows of one norm, and how many of them make a sign."""

import numpy as np
import pytest

from posembed.tables.trained_range.exact_ends import exact_end


def drawn(rows, width=6, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def of_one_norm(rows, width=6, seed=1):
    made = drawn(rows, width, seed)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_random_rows_show_nothing():
    assert exact_end(drawn(40)) is None


@pytest.mark.parametrize("period", [2, 3, 16])
def test_copies_with_one_period(period):
    table = drawn(period)[np.arange(40) % period]
    words = f"the rows from {period} on are copies of earlier ones, one period of {period} after another"
    assert exact_end(table) == (period, words)


def test_a_copy_with_a_flaw_is_none():
    table = drawn(16)[np.arange(40) % 16]
    table[35] += 1e-9
    assert exact_end(table) is None


def test_the_smallest_period_that_holds_counts():
    """Row 0 comes again at row 3, but the rows after it do not repeat the first three; those from 8 on do."""
    period = drawn(8)
    period[3] = period[0]
    assert exact_end(period[np.arange(30) % 8])[0] == 8


def test_equal_rows_at_the_start_are_no_period():
    table = drawn(20)
    table[1] = table[0]
    assert exact_end(table) is None


@pytest.mark.parametrize(("value", "what"), [(0.0, "zero"), (0.3, "equal")])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_equal_rows_at_the_end(value, what, count):
    table = drawn(30)
    table[30 - count :] = value
    assert exact_end(table) == (30 - count, f"the {count} rows from position {30 - count} on are all {what}")


def test_one_row_is_not_equal_rows():
    table = drawn(30)
    table[29] = 0.0
    assert exact_end(table) is None


def test_only_an_unbroken_run_counts():
    table = drawn(30)
    table[10:] = 0.5
    table[20] = 0.7
    assert exact_end(table)[0] == 21


@pytest.mark.parametrize(("count", "sign"), [(4, False), (5, True), (12, True)])
def test_five_rows_of_one_norm(count, sign):
    table = np.concatenate((3 * drawn(30), of_one_norm(count)))
    words = f"the {count} rows from position 30 on have one norm (to 0.1 %), as those of a sinusoid"
    assert exact_end(table) == ((30, words) if sign else None)


@pytest.mark.parametrize(("difference", "sign"), [(0.0008, True), (0.0012, False), (-0.0008, True), (-0.0012, False)])
def test_one_norm_is_one_to_a_thousandth(difference, sign):
    table = np.concatenate((3 * drawn(30), of_one_norm(10)))
    table[33] *= 1 + difference
    assert exact_end(table)[0] == (30 if sign else 34)


def test_norms_are_compared_with_that_of_the_last_row():
    """Both rows are within a thousandth of those between them, and not of each other."""
    table = np.concatenate((3 * drawn(30), of_one_norm(10)))
    table[33] *= 1 - 0.0008
    table[39] *= 1 + 0.0008
    assert exact_end(table)[0] == 34


def test_all_rows_of_one_norm():
    assert exact_end(of_one_norm(30)) == (
        0, "all rows have one norm (to 0.1 %), as those of a sinusoid: nothing shows training"
    )  # fmt: skip


def test_a_last_row_of_zeros_has_no_norm_to_share():
    table = of_one_norm(30)
    table[29] = 0
    with np.errstate(all="raise"):
        assert exact_end(table) is None
