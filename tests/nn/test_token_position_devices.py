"""Devices without values, round trips through files, and which memory a result shares."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from posembed.errors import InvalidArgumentError
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding

VOCAB, T, WIDTH, BATCH, SEQ = 17, 8, 6, 3, 5
IDS = torch.randint(0, VOCAB, (BATCH, SEQ), generator=torch.Generator().manual_seed(6))
VALUES = {
    "input_ids": IDS,
    "position_ids": IDS % T,
    "token_type_ids": IDS % 2,
    "attention_mask": (torch.arange(SEQ) < torch.tensor([[5], [2], [3]])).long(),
    "inputs_embeds": torch.randn(BATCH, SEQ, WIDTH, generator=torch.Generator().manual_seed(7)),
}
KINDS = ["learned", "sinusoidal", "none"]


def build(**arguments) -> TokenPositionEmbedding:
    torch.manual_seed(2)
    defaults = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "init_std": 1.0}
    return TokenPositionEmbedding(VOCAB, T, WIDTH, **(defaults | arguments))


@pytest.mark.parametrize("position", KINDS)
def test_shapes_without_memory(position):
    with FakeTensorMode():
        embed = build(position=position)
        got = embed(torch.zeros(2, 3, dtype=torch.long), token_type_ids=torch.zeros(1, 3, dtype=torch.long))
        assert got.shape == (2, 3, WIDTH)
    meta = build(position=position, device="meta")
    assert meta(torch.zeros(2, 3, dtype=torch.long, device="meta")).shape == (2, 3, WIDTH)


@pytest.mark.parametrize("position", KINDS)
def test_round_trips(position):
    embed = build(position=position)
    file = io.BytesIO()
    torch.save(embed.state_dict(), file)
    file.seek(0)
    weights = torch.load(file, weights_only=True)
    loaded = build(position=position, device="meta").to_empty(device="cpu")
    loaded.load_state_dict(weights)
    with torch.device("meta"):
        assigned = build(position=position)
    assigned.load_state_dict(weights, assign=True)
    for each in (loaded, copy.deepcopy(embed), pickle.loads(pickle.dumps(embed))):
        assert torch.equal(each(IDS), embed(IDS))
    if position == "sinusoidal":  # its rows are no weights, so nothing gave it any
        with pytest.raises(InvalidArgumentError, match=r"position rows are on device meta.*to_empty"):
            assigned(IDS)
        assigned.position.to_empty(device="cpu")
    assert torch.equal(assigned(IDS), embed(IDS))


def test_tied_weights():
    embed = build(layer_norm_eps=None)
    head = nn.Linear(WIDTH, VOCAB, bias=False)
    head.weight = embed.token.weight
    head(embed(IDS)).sum().backward()
    hidden = nn.functional.embedding(IDS, embed.token.weight) + embed.position.weight[:SEQ] + embed.segment.weight[0]
    (expected,) = torch.autograd.grad((hidden @ embed.token.weight.T).sum(), embed.token.weight)
    torch.testing.assert_close(embed.token.weight.grad, expected)


@pytest.mark.parametrize("name", ["position_ids", "token_type_ids", "attention_mask", "input_ids"])
def test_another_device_is_one_clear_error(name):
    """With the meta device PyTorch itself would read memory that holds no values."""
    embed = build()
    values = {"input_ids": IDS, name: VALUES[name]}
    values[name] = values[name].to("meta")
    with pytest.raises(InvalidArgumentError, match=rf"{name} is on device meta, but .* cpu: move {name}"):
        embed(**values)
    if name == "input_ids":
        with pytest.raises(InvalidArgumentError, match="input_ids is on device cpu, but its table is on meta: give"):
            build(device="meta")(IDS)
    pe = LearnedPositionalEmbedding(T, WIDTH)
    with pytest.raises(InvalidArgumentError, match="positions is on device meta, but the table is on cpu"):
        pe(IDS.to("meta"))


def test_given_embeddings_are_not_returned_themselves():
    embed, given_rows = build(position="none", type_vocab_size=0, layer_norm_eps=None), torch.ones(2, 3, WIDTH)
    embed(inputs_embeds=given_rows).zero_()
    assert given_rows.all()
