"""OPT counts positions from the attention mask: its length-aware module does so too."""

import pytest
import torch
from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.mask_positions import MaskedRows, counts_from_mask


@pytest.fixture
def module():
    """Limits 2 and 4 behind two reserved rows: short inputs read 2.0, 3.0, long ones 102.0 to 105.0."""
    short, long = torch.arange(4.0)[:, None], 100 + torch.arange(6.0)[:, None]
    return MaskedRows([short, long], [2, 4], reserved=2)


def rows(module, mask, **more):
    return module(torch.tensor(mask), **more).squeeze(-1).tolist()


def test_the_table_follows_the_number_of_real_tokens(module):
    assert rows(module, [[1, 1]]) == [[2.0, 3.0]]
    assert rows(module, [[1, 1, 1]]) == [[102.0, 103.0, 104.0]]


def test_padding_on_the_left_counts_as_none(module):
    assert rows(module, [[0, 1, 1]])[0][1:] == [2.0, 3.0]


def test_a_cache_is_skipped_and_the_count_goes_on(module):
    assert rows(module, [[1, 1, 1, 1]], past_key_values_length=3) == [[105.0]]


def test_positions_may_be_given(module):
    positions = torch.tensor([[3, 0]])
    assert rows(module, [[1, 1]], position_ids=positions) == [[105.0, 102.0]]


def test_which_classes_count_so(module):
    class OPTLearnedPositionalEmbedding(nn.Embedding):
        offset = 2

    class BioGptLearnedPositionalEmbedding(nn.Embedding):
        offset = 0  # not the class that is meant

    assert counts_from_mask(OPTLearnedPositionalEmbedding(4, 2))
    assert counts_from_mask(module)
    assert not counts_from_mask(BioGptLearnedPositionalEmbedding(4, 2))
    assert not counts_from_mask(nn.Embedding(4, 2))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.float16, torch.bfloat16, torch.float32])
def test_every_dtype_of_mask_counts_alike(dtype):
    tables = [torch.arange(limit + 2.0)[:, None] for limit in (2, 3000)]
    module = MaskedRows(tables, [2, 3000], reserved=2)
    got = module(torch.ones(1, 3000).to(dtype))
    assert torch.equal(got.flatten(), torch.arange(2.0, 3002))


def test_an_additive_mask_is_refused(module):
    with pytest.raises(InvalidArgumentError, match=r"attention_mask contains -inf; allowed are 1 \(token\) and 0"):
        module(torch.tensor([[0.0, float("-inf")]]))
