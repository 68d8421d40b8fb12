"""Counting gradients of one table: every way of storing it, reserved rows, sparse and broken gradients."""

import numpy as np
import pytest
import torch
from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.live import learned_tables
from posembed.find.stored_layout import STORED_LAYOUTS, read_shape
from posembed.integrations.row_counts import RowCounts, as_rows
from posembed.nn.learned import LearnedPositionalEmbedding

SHAPES = [(6, 4), (1, 6, 4), (6, 1, 4), (2, 6, 4), (3, 5, 4), (7, 1, 6, 4), (1, 8, 3, 5), (1, 3, 5, 8)]


def counts_of(module):
    return RowCounts(learned_tables(module)[0], module.weight)


def test_the_shapes_are_those_of_every_layout():
    assert {read_shape(shape).stored.name for shape in SHAPES} == {stored.name for stored in STORED_LAYOUTS}


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_those_that_the_layout_splits_off(shape):
    values = torch.arange(np.prod(shape), dtype=torch.float32).reshape(shape)
    stored = read_shape(shape).stored
    assert np.array_equal(as_rows(values, stored).numpy(), np.hstack(stored.split(values.numpy())))


def test_a_step_counts_rows_with_a_gradient():
    module = LearnedPositionalEmbedding(6, 4)
    counts = counts_of(module)
    for positions in ([0, 1], [1, 3]):
        module.zero_grad()
        module(torch.tensor([positions])).sum().backward()
        counts.step()
    assert counts.counts().tolist() == [1, 2, 0, 1, 0, 0]
    assert counts.steps == 2


def test_no_gradient_is_no_step():
    counts = counts_of(LearnedPositionalEmbedding(6, 4))
    counts.step()
    assert counts.steps == 0
    assert not counts.counts().any()


def test_infinite_and_missing_numbers_are_no_gradient():
    module = LearnedPositionalEmbedding(5, 4)
    counts = counts_of(module)
    module.weight.grad = torch.zeros(5, 4)
    module.weight.grad[:4, 2] = torch.tensor([torch.inf, torch.nan, -1e-30, 1.0])
    counts.step()
    assert counts.counts().tolist() == [0, 0, 1, 1, 0]


def test_a_sparse_gradient_counts_as_a_dense_one():
    module = LearnedPositionalEmbedding(6, 4)
    counts = counts_of(module)
    rows = nn.functional.embedding(torch.tensor([[5, 1, 5]]), module.weight, sparse=True)
    (rows * torch.tensor([1.0, 0.0, 1.0])[:, None]).sum().backward()
    assert module.weight.grad.is_sparse
    counts.step()
    assert counts.counts().tolist() == [0, 0, 0, 0, 0, 1]


def test_half_precision_is_counted_too():
    module = LearnedPositionalEmbedding(6, 4, dtype=torch.bfloat16)
    counts = counts_of(module)
    module(2).sum().backward()
    counts.step()
    assert counts.counts().tolist() == [1, 1, 0, 0, 0, 0]
    assert counts.norms().trained.dtype == np.float32


def test_reserved_rows_are_no_positions():
    module = LearnedPositionalEmbedding(4, 8, reserved=2)
    with torch.no_grad():
        module.weight[:2] = 100.0
    counts = counts_of(module)
    module(3).sum().backward()
    module.weight.grad[0] = 1.0
    counts.step()
    assert counts.counts().tolist() == [1, 1, 1, 0]
    norms = counts.norms()
    expected = module.weight.detach()[2:].norm(dim=1).numpy()
    assert np.allclose(norms.trained, expected[:3])
    assert np.allclose(norms.untrained, expected[3:])


def test_norms_leave_broken_rows_out_and_count_them():
    module = LearnedPositionalEmbedding(4, 8)
    with torch.no_grad():
        module.weight[1, 0] = torch.nan
    counts = counts_of(module)
    norms = counts.norms()
    assert (len(norms.trained), len(norms.untrained), norms.not_finite) == (0, 3, 1)
    assert counts.trained_range() is None


def test_the_trained_range_is_that_of_the_table():
    module = LearnedPositionalEmbedding(32, 8)
    with torch.no_grad():
        module.weight[20:] = 0
    assert counts_of(module).trained_range() == 20


def test_counts_go_on_from_a_state():
    module = LearnedPositionalEmbedding(4, 8)
    first, second = counts_of(module), counts_of(module)
    module(3).sum().backward()
    first.step()
    second.load_state_dict(first.state_dict())
    second.step()
    assert second.counts().tolist() == [2, 2, 2, 0]
    assert second.steps == 2


@pytest.mark.parametrize(
    ("state", "said"),
    [({"steps": 1, "counts": [1, 1]}, "2 positions, but the table has 4 positions"), ({}, "no list of counts")],
)
def test_a_state_of_another_table_is_refused(state, said):
    with pytest.raises(InvalidArgumentError, match=said):
        counts_of(LearnedPositionalEmbedding(4, 8)).load_state_dict(state)
