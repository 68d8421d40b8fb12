"""TokenPositionEmbedding as gathers and sums, and what observers kept: shared by the tests of its shortcuts."""

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from posembed.nn import TokenPositionEmbedding

VOCAB, T, WIDTH = 17, 8, 6
IDS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
TYPES = torch.tensor([[0, 1, 0, 1]])
MASK = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 0]])
WAYS = {
    "default": {},
    "types": {"token_type_ids": TYPES},
    "types of every row": {"token_type_ids": TYPES.expand(2, -1)},
    "types without a batch": {"token_type_ids": TYPES[0], "position_ids": TYPES[:1]},
    "start": {"start": 3, "token_type_ids": TYPES},
    "position_ids": {"position_ids": IDS % T},
    "types and position_ids": {"position_ids": IDS % T, "token_type_ids": TYPES},
    "mask": {"attention_mask": MASK, "token_type_ids": TYPES},
}
ways = pytest.mark.parametrize("way", WAYS)


def build(**arguments) -> TokenPositionEmbedding:
    torch.manual_seed(2)
    embed = TokenPositionEmbedding(
        VOCAB, T, WIDTH, **({"type_vocab_size": 2, "layer_norm_eps": 1e-5, "init_std": 1.0, "reserved": 1} | arguments)
    )
    nn.init.normal_(embed.norm.weight)
    return embed


def plain(embed, way):
    """What the layer computes, from gathers and sums alone."""
    options = WAYS[way]
    positions = options.get("position_ids", options.get("start", 0) + torch.arange(IDS.shape[1]))
    if "attention_mask" in options:
        positions = (MASK.cumsum(1) - 1) * MASK
    types = options.get("token_type_ids", torch.zeros_like(IDS))
    summed = F.embedding(IDS, embed.token.weight) + F.embedding(positions + 1, embed.position.weight)
    summed = summed + F.embedding(types, embed.segment.weight)
    return F.layer_norm(summed, (WIDTH,), embed.norm.weight, embed.norm.bias, 1e-5)


def gradients(embed, output):
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(4))
    return torch.autograd.grad(output, list(embed.parameters()), cotangent, allow_unused=True)


def require_as_plain(embed, way, call=None, observer=nullcontext):
    expected = plain(embed, way)
    with observer():
        got = (call or embed)(IDS, **WAYS[way])
    torch.testing.assert_close(got, expected)
    for mine, theirs in zip(gradients(embed, got), gradients(embed, expected), strict=True):
        torch.testing.assert_close(mine, theirs)


class Kept:
    """Tensors that an observer kept, each with its value at that time."""

    def __init__(self):
        self.pairs, self.names = [], []

    def keep(self, name, value):
        if isinstance(value, torch.Tensor):
            self.names.append(name)
            self.pairs.append((name, value, value.detach().clone()))

    def require_unchanged(self):
        assert self.pairs
        for name, value, then in self.pairs:
            assert torch.equal(value, then), name
