"""What a causal model predicts, from which tokens."""

import numpy as np
import torch

from posembed.quality.models.causal import CAUSAL


def test_every_token_is_chosen_and_no_number_drawn():
    rng = np.random.default_rng(0)
    assert CAUSAL.choose((2, 5), rng).all()
    assert rng.random() == np.random.default_rng(0).random()


def test_nothing_is_hidden():
    ids, chosen = torch.tensor([[1, 2]]), torch.tensor([[True, True]])
    assert CAUSAL.inputs(ids, chosen, 9) is ids
    mask = np.ones((1, 2), bool)
    assert CAUSAL.choose_from(mask, 1) is mask


def test_losses_are_of_the_next_token():
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([3, 1, 4, 1, 5])
    found = CAUSAL.losses(logits, targets, torch.tensor([True, True, False, True, True]))
    wanted = -torch.log_softmax(logits, dim=-1)
    assert found.dtype == torch.float64
    assert torch.isnan(found[[0, 2]]).all()
    for place in (1, 3, 4):
        torch.testing.assert_close(found[place], wanted[place - 1, targets[place]].double())


def test_the_first_token_is_not_predictable():
    chosen = np.array([[True, True, False]])
    assert CAUSAL.predictable(chosen).tolist() == [[False, True, False]]
    assert chosen[0, 0]


def test_context_counts_the_tokens_before():
    assert CAUSAL.context(4).tolist() == [0, 1, 2, 3]
