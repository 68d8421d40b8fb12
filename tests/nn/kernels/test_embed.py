"""What the operator is given, for the submodules and the arguments of a layer."""

import pytest
import torch

from posembed.errors import PositionOutOfRangeError
from posembed.nn import TokenPositionEmbedding
from posembed.nn.kernels import embed as room

IDS = torch.tensor([[1, 2, 3], [4, 2, 0]])
MASK = torch.tensor([[0, 1, 1], [1, 1, 0]])


def build(**arguments):
    return TokenPositionEmbedding(7, 8, 6, **{"backend": "reference", **arguments})


@pytest.fixture
def given(monkeypatch):
    """The inputs of the last call."""
    seen = []
    forward = room.reference.forward
    monkeypatch.setattr(room.reference, "forward", lambda inputs: seen.append(inputs) or forward(inputs))
    return seen


def test_parts(given):
    embed = build(type_vocab_size=2, layer_norm_eps=1e-6, padding_idx=0, reserved=2, position_padding_idx=1)
    embed(IDS, start=3)
    (x,) = given
    assert x.token is embed.token.weight
    assert x.position is embed.position.weight
    assert x.segment is embed.segment.weight
    assert x.weight is embed.norm.weight
    assert x.bias is embed.norm.bias
    assert (x.start, x.eps, x.token_padding, x.position_padding) == (5, 1e-6, 0, 1)
    assert x.position_rows is x.types is x.seed is None


def test_absent_parts(given):
    build(position="none")(IDS)
    (x,) = given
    assert x.position is x.segment is x.weight is x.bias is None
    assert (x.token_padding, x.position_padding) == (-1, -1)


def test_rows_of_positions_and_of_padding(given):
    build(reserved=2, position_padding_idx=1)(IDS, attention_mask=MASK)
    build(reserved=2)(IDS, attention_mask=MASK)
    build(reserved=2)(IDS, position_ids=torch.tensor([0, 7, 1], dtype=torch.uint8))
    build()(IDS[0], cu_seqlens=torch.tensor([0, 1, 3]))
    assert [x.position_rows.tolist() for x in given] == [
        [[1, 2, 3], [2, 3, 1]],
        [[2, 2, 3], [2, 3, 2]],
        [2, 9, 3],
        [0, 0, 1],
    ]


def test_small_integers_are_widened(given):
    build(type_vocab_size=2)(IDS.to(torch.uint8), token_type_ids=MASK.to(torch.int8))
    assert given[0].ids.dtype == given[0].types.dtype == torch.int64


def test_positions_are_checked(given):
    with pytest.raises(PositionOutOfRangeError, match="position 8 has no row"):
        build()(IDS, position_ids=torch.tensor([0, 8, 1]))
    with pytest.raises(PositionOutOfRangeError, match="input_ids contains 7"):
        build()(IDS + 3)
    assert given == []


def test_seeds(given):
    embed = build(dropout=0.25)
    torch.manual_seed(5)
    embed(IDS)
    embed(IDS)
    torch.manual_seed(5)
    embed(IDS)
    embed.eval()(IDS)
    seeds = [x.seed if x.seed is None else x.seed.item() for x in given]
    assert seeds[0] == seeds[2] != seeds[1]
    assert seeds[3] is None
    assert [x.dropout for x in given] == [0.25, 0.25, 0.25, 0.0]
