"""The trained rows, against the plain formula."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed.quality.calibrate.table import CalibratedTable


@given(rows=st.integers(2, 20), frozen=st.integers(0, 19), period=st.integers(1, 25), seed=st.integers(0, 99))
def test_it_is_start_and_shift_and_rows(rows, frozen, period, seed):
    frozen = min(frozen, rows - 1)
    rng = torch.Generator().manual_seed(seed)
    start = torch.randn(rows, 3, generator=rng)
    table = CalibratedTable(start, frozen=frozen, period=period)
    assert torch.equal(table(), start)
    with torch.no_grad():
        table.shift.normal_(generator=rng)
        table.rows.normal_(generator=rng)
    wanted = start.clone()
    for row in range(frozen, rows):
        wanted[row] = start[row] + table.shift + table.rows[(row - frozen) % period]
    assert torch.equal(table(), wanted)
    assert torch.equal(table()[:frozen], start[:frozen])


def test_gradients_reach_what_moves_and_nothing_else():
    table = CalibratedTable(torch.zeros(6, 2), frozen=2, period=3)
    table().square().sum().backward()
    assert not table.shift.grad.any()
    weights = torch.arange(6.0)[:, None].expand(6, 2)
    (table() * weights).sum().backward()
    assert table.shift.grad.tolist() == [14.0, 14.0]  # rows 2 to 5
    assert table.rows.grad[:, 0].tolist() == [2.0 + 5.0, 3.0, 4.0]
    assert not table.start.requires_grad


def test_half_precision_tables_are_trained_in_float32():
    table = CalibratedTable(torch.zeros(4, 2, dtype=torch.bfloat16), frozen=1, period=4)
    assert table().dtype == torch.float32
    assert table.rows.shape == (3, 2)


def test_the_start_is_not_the_model_s_own_tensor():
    own = torch.ones(4, 2)
    table = CalibratedTable(own, frozen=1, period=1)
    own.zero_()
    assert table.start.eq(1).all()
    assert pytest.approx(1.0) == table()[0, 0].item()


def test_rows_that_move_in_training_alone():
    start = torch.arange(12.0).reshape(6, 2)
    table = CalibratedTable(start, frozen=1, period=2, restored=3)
    with torch.no_grad():
        table.shift.fill_(100.0)
        table.rows[1].fill_(1000.0)
    assert (table()[1:] - start[1:] >= 100).all()
    assert torch.equal(table.written()[:3], start[:3])
    assert torch.equal(table.written()[3:], table()[3:])
    whole = CalibratedTable(start, frozen=2, period=2)
    assert torch.equal(whole.written(), whole())
