"""The mean and the first state; Embedder's tests have their vectors."""

from types import SimpleNamespace

import torch

from posembed.quality.models.head import PlainHead, States

STATES = States(torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[1, 1, 0]]), torch.zeros(1, 3, dtype=torch.long))


def test_the_mean_is_over_tokens_alone():
    assert PlainHead().vectors(STATES).tolist() == [[2.0]]
    assert PlainHead("cls").vectors(STATES).tolist() == [[1.0]]


def test_parts_have_a_mean_and_no_first_token():
    assert PlainHead().has_late_chunks
    assert not PlainHead("cls").has_late_chunks


def test_the_last_hidden_states_are_read():
    output = SimpleNamespace(last_hidden_state=STATES.tokens, hidden_states=None)
    states, more = PlainHead().read(output)
    assert states is STATES.tokens
    assert (more, PlainHead().arguments, PlainHead().without_prompt) == ({}, {}, False)
