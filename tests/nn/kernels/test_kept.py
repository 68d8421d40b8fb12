"""Memory of gradients that is lent again once nobody holds it."""

import copy
import pickle

import pytest
import torch

from posembed.nn.kernels.kept import KeptGradient

TABLE = torch.zeros(5, 3)


@pytest.fixture
def kept():
    return KeptGradient()


def address(tensor):
    return tensor.data_ptr()


@pytest.mark.parametrize("hold", [lambda t: t, lambda t: t.detach(), lambda t: t[1:], lambda t: t.numpy(), list])
def test_what_is_held_in_any_way_is_not_lent_again(kept, hold):
    first, _ = kept.lend(TABLE)
    place, held = address(first), hold(first)
    del first
    assert address(kept.lend(TABLE)[0]) != place
    assert kept.lend(TABLE)[1] is False
    del held
    assert address(kept.lend(TABLE)[0]) == place


def test_a_gradient_that_autograd_took_is_held_by_the_parameter(kept):
    class Give(torch.autograd.Function):
        @staticmethod
        def forward(_, table):
            return table.sum()

        @staticmethod
        def backward(*_):
            return kept.lend(TABLE)[0].fill_(2)

    table = torch.nn.Parameter(torch.zeros(5, 3))
    Give.apply(table).backward()
    assert kept.holds(table.grad, table)
    place = address(table.grad)
    table.grad = None
    assert address(kept.lend(TABLE)[0]) == place


def fill(kept, ids, *, added=False, gradient=None):
    if gradient is None:
        gradient, is_zero = kept.lend(TABLE)
        if not is_zero:
            gradient.numpy()[:] = 0
        assert gradient.count_nonzero() == 0
    gradient.numpy()[ids] += 1
    kept.wrote(gradient, torch.tensor(ids), added=added)
    return gradient


def test_only_rows_that_were_written_are_cleared(kept):
    pytest.importorskip("numba")
    gradient = fill(kept, [1, 4])
    fill(kept, [2], added=True, gradient=gradient)
    kept._memory[3, 1:] = 7  # by nobody in truth: shows that the row is not touched
    del gradient
    gradient, is_zero = kept.lend(TABLE)
    assert is_zero
    assert gradient.tolist() == [[0, 0, 0]] * 3 + [[0, 7, 7], [0, 0, 0]]


CHANGES = {
    "in place": lambda g: g.mul_(2),
    "a view": lambda g: g[3].fill_(1),
    "several at once": lambda g: torch._foreach_mul_([g], 2.0),
    "behind PyTorch's back": lambda g: g.data.add_(1),
    "with NumPy": lambda g: g.numpy().fill(1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_nothing_is_said_to_be_zero(kept, change):
    pytest.importorskip("numba")
    gradient = fill(kept, [1])
    CHANGES[change](gradient)
    del gradient
    assert kept.lend(TABLE)[1] is False


def test_a_change_before_more_is_added(kept):
    gradient = fill(kept, [1])
    gradient[3] = 1
    fill(kept, [2], added=True, gradient=gradient)
    del gradient
    assert kept.lend(TABLE)[1] is False


def test_memory_that_was_lent_and_never_written_is_not_zero(kept):
    assert kept.lend(TABLE)[1] is False
    assert kept.lend(TABLE)[1] is False


def test_more_ids_than_rows(kept):
    gradient = fill(kept, [0, 1, 2, 3, 4, 0])
    del gradient
    assert kept.lend(TABLE)[1] is False


def test_ids_that_change_later(kept):
    pytest.importorskip("numba")
    gradient, _ = kept.lend(TABLE)
    gradient.numpy()[:] = [[0], [1], [0], [0], [0]]
    ids = torch.tensor([1])
    kept.wrote(gradient, ids, added=False)
    ids[0] = 3
    del gradient
    gradient, is_zero = kept.lend(TABLE)
    assert is_zero
    assert gradient.count_nonzero() == 0


@pytest.mark.parametrize("other", [torch.zeros(6, 3), torch.zeros(5, 2), torch.zeros(5, 3, dtype=torch.float64)])
def test_another_table(kept, other):
    first, _ = kept.lend(TABLE)
    assert not kept.holds(first, other)
    del first
    lent, is_zero = kept.lend(other)
    assert (lent.shape, lent.dtype, is_zero) == (other.shape, other.dtype, False)


def test_what_is_held(kept):
    lent, _ = kept.lend(TABLE)
    assert kept.holds(lent, TABLE)
    assert kept.holds(lent.detach(), TABLE)
    assert not any(kept.holds(other, TABLE) for other in (None, lent[:4], lent.clone(), lent.to_sparse(), TABLE))


def test_copies_have_memory_of_their_own(kept):
    lent, _ = kept.lend(TABLE)
    for other in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert not other.holds(lent, TABLE)
        assert address(other.lend(TABLE)[0]) != address(lent)
