"""Two objectives at once: loss, gradient and tokens are the weighted sums."""

import pytest
import torch

from posembed.quality.calibrate.mixture import Mixture
from posembed.quality.calibrate.table import CalibratedTable


class Pull:
    """Pulls every row towards a value."""

    def __init__(self, value, tokens):
        self.value, self.count = value, tokens

    def backward(self, table, step):
        loss = ((table() - self.value - step) ** 2).sum()
        loss.backward()
        return loss.item()

    def validate(self, table):
        return float(((table - self.value) ** 2).sum())

    def tokens(self, step):
        return self.count + step

    def halve(self):
        self.count //= 2
        return self.count > 0


def make_table():
    return CalibratedTable(torch.zeros(4, 2), frozen=1, period=3)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_gradients_and_loss_are_weighted(weight):
    table, mixture = make_table(), Mixture(Pull(1.0, 3), Pull(5.0, 4), weight)
    loss = mixture.backward(table, 1)
    alone = []
    for objective in (mixture.first, mixture.second):
        single = make_table()
        alone.append((objective.backward(single, 1), [each.grad for each in single.parameters()]))
    assert loss == pytest.approx((1 - weight) * alone[0][0] + weight * alone[1][0])
    for number, each in enumerate(table.parameters()):
        wanted = (1 - weight) * alone[0][1][number] + weight * alone[1][1][number]
        torch.testing.assert_close(each.grad, wanted)


def test_gradients_that_are_there_already_stay():
    table, mixture = make_table(), Mixture(Pull(1.0, 3), Pull(5.0, 4), 0.5)
    mixture.backward(table, 0)
    once = [each.grad.clone() for each in table.parameters()]
    mixture.backward(table, 0)
    for each, before in zip(table.parameters(), once, strict=True):
        torch.testing.assert_close(each.grad, 2 * before)


def test_validation_and_tokens():
    mixture = Mixture(Pull(1.0, 3), Pull(5.0, 4), 0.25)
    assert mixture.validate(torch.zeros(1, 1)) == 0.75 * 1 + 0.25 * 25
    assert mixture.tokens(2) == 3 + 4 + 4


def test_both_read_half_as_much_until_neither_can():
    mixture = Mixture(Pull(1.0, 3), Pull(5.0, 4), 0.5)
    assert [mixture.halve() for _ in range(3)] == [True, True, False]
    assert (mixture.first.count, mixture.second.count) == (0, 0)
