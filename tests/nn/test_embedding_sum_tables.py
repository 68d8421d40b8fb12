"""Submodules of other classes, parametrized tables and tables of other tensor classes: all are called as they are."""

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize, prune

from posembed.nn import LearnedPositionalEmbedding
from tests.nn.embedding_reference import IDS, TYPES, WAYS, WIDTH, T, build, plain, ways


class Doubled(nn.Embedding):
    def forward(self, ids):
        return 2 * super().forward(ids)


class Remembering(nn.Embedding):
    """Returns the same tensor for the same ids: it belongs to the module, not to the caller."""

    def forward(self, ids):
        if not hasattr(self, "kept"):
            self.kept = super().forward(ids)
        return self.kept


@pytest.mark.parametrize("part", ["token", "segment"])
def test_a_submodule_of_another_class_is_called(part):
    embed = build(layer_norm_eps=1e-5)
    table = getattr(embed, part)
    expected = build()
    with torch.no_grad():
        getattr(expected, part).weight.mul_(2)
    setattr(embed, part, Doubled(*table.weight.shape))
    getattr(embed, part).weight = table.weight
    for way in WAYS:
        torch.testing.assert_close(embed(IDS, **WAYS[way]), expected(IDS, **WAYS[way]))


@pytest.mark.parametrize("part", ["token", "segment"])
def test_what_a_submodule_keeps_does_not_change(part):
    embed = build()
    table = getattr(embed, part)
    setattr(embed, part, Remembering(*table.weight.shape))
    options = {"token_type_ids": TYPES.expand(2, -1).contiguous()}
    first = embed(IDS, **options)
    assert torch.equal(embed(IDS, **options), first)


def test_a_position_module_of_ones_own_class_is_called():
    class Negated(LearnedPositionalEmbedding):
        def forward(self, positions, start=0, *, padding_mask=None):
            return -super().forward(positions, start, padding_mask=padding_mask)

    pe = Negated(T, WIDTH, init_std=1.0)
    embed = build(position=pe, reserved=0, type_vocab_size=0)
    expected = embed.norm(embed.token.weight[IDS] - pe.weight[:4])
    assert torch.equal(embed(IDS), expected)


class Halved(nn.Module):
    def forward(self, weight):
        return weight / 2


@ways
@pytest.mark.parametrize("part", ["token", "position", "segment"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_parametrized_table(part, cached, way):
    embed, halved = build(), build()
    parametrize.register_parametrization(getattr(embed, part), "weight", Halved())
    with torch.no_grad():
        getattr(halved, part).weight.div_(2)
    with parametrize.cached() if cached else nullcontext():
        torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(halved, way))
        torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(halved, way))
        rows = getattr(embed, part)(torch.tensor([0]))
        with torch.no_grad():
            rows.mul_(10)
        torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(halved, way))


@ways
@pytest.mark.parametrize("part", ["token", "position", "segment"])
def test_weight_norm(part, way):
    embed = build()
    nn.utils.parametrizations.weight_norm(getattr(embed, part), "weight")
    torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(build(), way))


class Scaled(torch.Tensor):
    """A table whose lookups are scaled, by __torch_function__, as quantized weights do."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        value = super().__torch_function__(function, types, args, kwargs or {})
        return 3 * value.as_subclass(torch.Tensor) if function is F.embedding else value


@pytest.mark.parametrize("part", ["token", "segment"])
def test_a_table_of_another_tensor_class(part):
    embed, tripled = build(), build()
    table = getattr(embed, part)
    table.weight = nn.Parameter(table.weight.detach().as_subclass(Scaled))
    with torch.no_grad():
        getattr(tripled, part).weight.mul_(3)
    for way in WAYS:
        torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(tripled, way))


class Adapter(nn.Module):
    """As peft's: it holds the embedding, hands its weight on, and adds something to its output."""

    def __init__(self, base):
        super().__init__()
        self.base, self.added = base, nn.Parameter(torch.ones(WIDTH))

    @property
    def weight(self):
        return self.base.weight

    def forward(self, ids):
        return self.base(ids) + self.added


@ways
def test_adapters_in_place_of_tables(way):
    embed, shifted = build(), build()
    embed.token, embed.segment = Adapter(embed.token), Adapter(embed.segment)
    with torch.no_grad():
        shifted.token.weight.add_(2)
    torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(shifted, way))
    embed(IDS, **WAYS[way]).square().sum().backward()
    assert embed.token.added.grad.any()
    assert embed.segment.added.grad.any()


@pytest.mark.parametrize("way", ["default", "types", "start", "mask"])
# PyTorch's own announcements of what will replace its quantization
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantized_tables(way):
    from torch.ao.quantization import float_qparams_weight_only_qconfig, quantize_dynamic

    embed = build(layer_norm_eps=1.0)
    spec = {nn.Embedding: float_qparams_weight_only_qconfig}
    quantized = quantize_dynamic(embed, spec, dtype=torch.quint8)
    assert not isinstance(quantized.token, nn.Embedding)
    torch.testing.assert_close(quantized(IDS, **WAYS[way]), embed(IDS, **WAYS[way]), rtol=0, atol=0.05)


@ways
def test_pruned_tables(way):
    embed, pruned = build(), build()
    for name in ("token", "position", "segment"):
        prune.l1_unstructured(getattr(embed, name), "weight", 0.5)
        with torch.no_grad():
            getattr(pruned, name).weight.copy_(getattr(embed, name).weight)
    torch.testing.assert_close(embed(IDS, **WAYS[way]), plain(pruned, way))
