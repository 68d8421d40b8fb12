"""What counts as an observer, and which tensors may be written to; what follows is in test_embedding_sum.py."""

import torch
from torch import nn

from posembed.nn.observed import add_to_fresh, is_observed


class Doubled(nn.Embedding):
    def forward(self, ids):
        return 2 * super().forward(ids)


def test_what_is_observed():
    table = nn.Embedding(3, 2)
    assert not is_observed(table, nn.Embedding)
    assert is_observed(Doubled(3, 2), nn.Embedding)
    for register in (table.register_forward_hook, table.register_forward_pre_hook):
        handle = register(print)
        assert is_observed(table, nn.Embedding)
        handle.remove()
    for register in (table.register_full_backward_hook, table.register_full_backward_pre_hook):
        handle = register(print)
        assert is_observed(table, nn.Embedding)
        handle.remove()
    table.forward = table.forward
    assert is_observed(table, nn.Embedding)
    del table.forward
    assert not is_observed(table, nn.Embedding)
    table.compile(backend="eager")
    assert is_observed(table, nn.Embedding)


def test_a_fresh_tensor_is_reused_and_no_other():
    for other in (torch.ones(4), torch.ones(3, 4), torch.ones(1, 3, 4), nn.Parameter(torch.ones(2, 3, 4))):
        fresh = torch.zeros(2, 3, 4)
        assert add_to_fresh(fresh, other) is fresh
        assert torch.equal(fresh.detach(), torch.ones(2, 3, 4))
    for other in (torch.ones(5, 2, 3, 4), torch.ones(1, 2, 3, 4), torch.ones(2, 3, 4, dtype=torch.float64)):
        fresh = torch.zeros(2, 3, 4)
        assert torch.equal(add_to_fresh(fresh, other), torch.ones_like(other))
        assert not fresh.any()
    fresh = torch.zeros(1, 3, 4)
    assert add_to_fresh(fresh, torch.ones(2, 3, 4)).shape == (2, 3, 4)
    assert not fresh.any()
