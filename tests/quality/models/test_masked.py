"""What a masked model predicts, from which tokens."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.quality.models.masked import MASKED, hide
from posembed.windows import MASKED_SHARE


def test_about_fifteen_percent_are_hidden_and_the_last_always():
    hidden = hide((400, 101), np.random.default_rng(0))
    assert hidden[:, -1].all()
    assert hidden[:, :-1].mean() == pytest.approx(0.15, abs=0.006)
    assert MASKED_SHARE == 0.15, "Devlin et al. 2019; losses of other shares cannot be compared with theirs"
    assert hide((3, 1), np.random.default_rng(0)).all()
    np.testing.assert_array_equal(hidden, MASKED.choose((400, 101), np.random.default_rng(0)))


def test_hidden_tokens_become_the_mask():
    ids, chosen = torch.tensor([[1, 2, 3]]), torch.tensor([[False, True, True]])
    assert MASKED.inputs(ids, chosen, 9).tolist() == [[1, 9, 9]]
    assert ids.tolist() == [[1, 2, 3]]


def test_losses_are_of_the_hidden_tokens():
    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([3, 1, 4, 1])
    found = MASKED.losses(logits, targets, torch.tensor([True, False, False, True]))
    wanted = -torch.log_softmax(logits, dim=-1)
    assert found.dtype == torch.float64
    assert torch.isnan(found[1:3]).all()
    for place in (0, 3):
        torch.testing.assert_close(found[place], wanted[place, targets[place]].double())


def test_only_later_tokens_are_predicted_in_a_control():
    chosen = np.array([[True, False, True, True]])
    assert MASKED.choose_from(chosen, 2).tolist() == [[False, False, True, True]]
    assert chosen.tolist() == [[True, False, True, True]]
    assert MASKED.predictable(chosen) is chosen


def test_context_is_the_distance_to_the_nearer_edge():
    assert MASKED.context(5).tolist() == [0, 1, 2, 1, 0]
    assert MASKED.context(4).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", ["[MASK]", "<mask>"])
def test_the_mask_token_is_known_by_its_name(tmp_path, name):
    tokenizer = SimpleNamespace(token_to_id=lambda asked: 0 if asked == name else None)
    assert MASKED.find_mask(tokenizer, tmp_path) == 0


def test_a_tokenizer_without_a_mask(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"tokenizer\.json has no mask token named \[MASK\] or <mask>"):
        MASKED.find_mask(SimpleNamespace(token_to_id=lambda _: None), tmp_path)
