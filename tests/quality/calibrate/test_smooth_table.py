"""A table whose change is a spline over positions: its rows, what never moves, its gradients."""

import pytest
import torch

from posembed.quality.calibrate.smooth_table import SmoothTable


def make(**given):
    start = torch.arange(24, dtype=torch.float32).reshape(12, 2)
    return SmoothTable(start, **{"frozen": 2, "knots": 3, "span": 7} | given)


def test_at_the_start_it_is_the_start():
    table = make()
    assert torch.equal(table(), table.start)
    assert torch.equal(table.written(), table.start)


def test_rows_between_knots_are_between_their_values():
    table = make()
    with torch.no_grad():
        table.rows.copy_(torch.tensor([[0.0, 0.0], [3.0, 30.0], [6.0, 0.0]]))
    moved = (table() - table.start)[:, 0]
    torch.testing.assert_close(moved, torch.tensor([0.0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6]))
    moved = (table() - table.start)[:, 1]
    torch.testing.assert_close(moved, torch.tensor([0.0, 0, 0, 10, 20, 30, 20, 10, 0, 0, 0, 0]))


def test_what_is_shared_and_what_the_first_row_has_alone():
    table = make()
    assert [id(each) for each in table.shared] == [id(table.shift), id(table.first)]
    with torch.no_grad():
        table.shift.fill_(1.0)
        table.first.fill_(10.0)
    assert (table() - table.start)[:, 0].tolist() == [0.0, 0.0, 11.0, *[1.0] * 9]


def test_restored_rows_are_written_as_they_were():
    table = make(restored=5)
    with torch.no_grad():
        table.shift.fill_(1.0)
    assert torch.equal(table.written()[:5], table.start[:5])
    assert torch.equal(table.written()[5:], table()[5:])


@pytest.mark.parametrize("span", [2, 7, 10, 50])
def test_gradients_are_those_of_the_formula(span):
    """Against the spline written row by row, in float64."""
    table = make(span=span).double()
    weight = torch.randn(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for each in table.parameters():
            each.copy_(torch.randn(each.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    (table() * weight).sum().backward()
    knots = table.rows.detach().clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for row in range(10):
        place = min(row, span - 1) * 2 / (span - 1)
        low = min(int(place), 1)
        value = knots[low] * (1 - (place - low)) + knots[low + 1] * (place - low)
        total = total + (value * weight[2 + row]).sum()
    total.backward()
    torch.testing.assert_close(table.rows.grad, knots.grad, atol=1e-6, rtol=0)
    torch.testing.assert_close(table.shift.grad, weight[2:].sum(0))
    torch.testing.assert_close(table.first.grad, weight[2])
