"""torch.func, forward-mode gradients, modes and wrappers: all give what the plain layer gives."""

import copy

import pytest
import torch
import torch.autograd.forward_ad as fwAD
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, grad, hessian, jacrev, jvp, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from posembed.errors import InvalidArgumentError, PositionOutOfRangeError
from posembed.nn import LearnedPositionalEmbedding, SinusoidalPositionalEmbedding, TokenPositionEmbedding
from posembed.nn.length_aware import LengthAwareEmbedding

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
old_tracer = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:`torch.jit:DeprecationWarning")


def build(**arguments) -> TokenPositionEmbedding:
    torch.manual_seed(2)
    defaults = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "init_std": 1.0}
    return TokenPositionEmbedding(VOCAB, T, WIDTH, **(defaults | arguments))


@given(
    position=st.sampled_from(KINDS),
    tokens=st.sampled_from(["input_ids", "inputs_embeds"]),
    where=st.sampled_from([None, "position_ids", "attention_mask"]),
    types=st.booleans(),
    mapped=st.sets(st.integers(0, 2)),
    norm=st.booleans(),
)
def test_vmap_over_any_of_the_arguments(position, tokens, where, types, mapped, norm):
    embed = build(position=position, layer_norm_eps=1e-5 if norm else None)
    names = [tokens, *filter(None, [where]), *(["token_type_ids"] if types else [])]
    over = [name for i, name in enumerate(names) if i in mapped]
    values = {name: VALUES[name] if name in over else VALUES[name][0] for name in names}
    mask = values.pop("attention_mask", None)

    def call(values, mask):
        if mask is not None:  # a mask is [batch, seq], so everything is
            return embed(**{name: value[None] for name, value in values.items()}, attention_mask=mask[None])[0]
        return embed(**values)

    dims = {name: 0 if name in over else None for name in values}, 0 if "attention_mask" in over else None
    if not over:
        return
    got = vmap(call, in_dims=dims)(values, mask)
    for i in range(BATCH):
        one = {name: value[i] if name in over else value for name, value in values.items()}
        torch.testing.assert_close(got[i], call(one, mask[i] if "attention_mask" in over else mask))


@pytest.mark.parametrize("module", [LearnedPositionalEmbedding(T, WIDTH), SinusoidalPositionalEmbedding(T, WIDTH)])
def test_vmap_over_positions(module):
    positions = IDS % T
    assert torch.equal(vmap(module)(positions), module(positions))
    assert torch.equal(vmap(vmap(module))(positions), module(positions))
    assert torch.equal(vmap(module, in_dims=1, out_dims=1)(positions), module(positions))
    assert torch.equal(vmap(lambda _: module(3))(positions), module(3).expand(BATCH, -1, -1))


@pytest.mark.parametrize("wrong", [-1, T])
def test_positions_are_checked_inside_transforms(wrong):
    """Without a check, -1 would read a reserved row."""
    pe, embed = LearnedPositionalEmbedding(T, WIDTH, reserved=2), build(reserved=2)
    positions = torch.tensor([[0, 1], [2, wrong]])
    tokens = torch.zeros(2, 2, dtype=torch.long)
    says = pytest.raises(PositionOutOfRangeError, match=f"position {wrong}")
    with says:
        vmap(pe)(positions)
    with says:
        vmap(lambda ids, where: embed(ids, position_ids=where))(tokens, positions)
    with says:
        grad(lambda weight, where: functional_call(pe, {"weight": weight}, (where,)).sum())(
            pe.weight.detach(), positions
        )
    with pytest.raises(PositionOutOfRangeError, match="input_ids contains"):
        vmap(embed)(tokens - 1)


def test_masks_are_checked_inside_transforms():
    embed = build()
    with pytest.raises(InvalidArgumentError, match="attention_mask contains 2"):
        vmap(lambda ids, mask: embed(ids[None], attention_mask=mask[None]))(IDS, torch.full((BATCH, SEQ), 2))


@pytest.mark.parametrize("way", [{}, {"position_ids": IDS % T}, {"attention_mask": VALUES["attention_mask"]}])
@pytest.mark.parametrize("types", [{}, {"token_type_ids": IDS % 2}, {"token_type_ids": IDS[:1] % 2}])
def test_gradients_of_torch_func_are_those_of_autograd(way, types):
    embed = build(reserved=2, position_padding_idx=1)
    options, cotangent = way | types, torch.randn(BATCH, SEQ, WIDTH)
    weights = {name: value.detach() for name, value in embed.named_parameters()}
    got = grad(lambda weights: (functional_call(embed, weights, (IDS,), options) * cotangent).sum())(weights)
    expected = torch.autograd.grad((embed(IDS, **options) * cotangent).sum(), list(embed.parameters()))
    for value, wanted in zip(got.values(), expected, strict=True):
        torch.testing.assert_close(value, wanted)


@old_tracer
@pytest.mark.parametrize("frozen", [(), ("token.weight",), ("position.weight", "segment.weight")])
@pytest.mark.parametrize("form", ["torch.func", "dual tensors"])
@pytest.mark.parametrize("types", [{}, {"token_type_ids": IDS % 2}])
def test_forward_mode_against_a_difference(frozen, form, types):
    embed = build(dtype=torch.float64)
    weights = {name: value.detach() for name, value in embed.named_parameters() if name not in frozen}
    tangents = {name: torch.randn_like(value) for name, value in weights.items()}

    def call(weights):
        return functional_call(embed, weights, (IDS,), types)

    if form == "torch.func":
        _, got = jvp(call, (weights,), (tangents,))
    else:
        with fwAD.dual_level():
            dual = {name: fwAD.make_dual(value, tangents[name]) for name, value in weights.items()}
            got = fwAD.unpack_dual(call(dual)).tangent
    step = 1e-6
    moved = [{name: w + sign * step * tangents[name] for name, w in weights.items()} for sign in (1, -1)]
    torch.testing.assert_close(got, (call(moved[0]) - call(moved[1])) / (2 * step), rtol=1e-6, atol=1e-6)


def test_gradients_of_each_sample():
    embed = build()
    weights = {name: value.detach() for name, value in embed.named_parameters()}

    def loss(weights, ids, where):
        return functional_call(embed, weights, (ids[None],), {"position_ids": where}).square().sum()

    got = vmap(grad(loss), in_dims=(None, 0, 0))(weights, IDS, IDS % T)
    for i in range(BATCH):
        one = torch.autograd.grad(loss(dict(embed.named_parameters()), IDS[i], IDS[i] % T), list(embed.parameters()))
        for value, wanted in zip(got.values(), one, strict=True):
            torch.testing.assert_close(value[i], wanted)


@pytest.mark.parametrize("options", [{}, {"position_ids": IDS % T}, {"token_type_ids": IDS[:1] % 2}])
def test_an_ensemble_of_layers_in_one_call(options):
    layers = [build(), build()]
    for parameter in layers[1].parameters():
        nn.init.normal_(parameter)
    weights, buffers = stack_module_state(layers)
    got = vmap(lambda w, b: functional_call(layers[0], (w, b), (IDS,), options))(weights, buffers)
    for one, layer in zip(got, layers, strict=True):
        torch.testing.assert_close(one, layer(IDS, **options))


@old_tracer
def test_higher_derivatives():
    pe = LearnedPositionalEmbedding(3, 2, dtype=torch.float64)

    def cubes(weight):
        return functional_call(pe, {"weight": weight}, (3,)).pow(3).sum()

    weight = torch.randn(3, 2, dtype=torch.float64)
    torch.testing.assert_close(jacrev(cubes)(weight), 3 * weight**2)
    torch.testing.assert_close(hessian(cubes)(weight).reshape(6, 6), torch.diag(6 * weight.flatten()))


@pytest.mark.parametrize("position", KINDS)
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_autograd(context, position):
    embed = build(position=position)
    before = copy.deepcopy(embed.state_dict())
    for options in ({}, {"token_type_ids": IDS[:1] % 2, "position_ids": IDS % T}):
        expected = embed(IDS, **options)
        with context():
            got = embed(IDS, **options)
            assert torch.equal(got, expected)
            got.mul_(10)
        assert not got.requires_grad
    for name, value in embed.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("options", [{}, {"token_type_ids": IDS % 2}, {"position_ids": IDS % T}])
def test_autocast(options):
    embed = build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = embed(IDS, **options)
    assert torch.equal(got, embed(IDS, **options))  # lookups, sums and LayerNorm stay in float32


@pytest.mark.parametrize("part", ["token", "position", "segment"])
def test_tables_of_different_dtypes(part):
    embed = build()
    for options in ({}, {"token_type_ids": IDS % 2}, {"position_ids": IDS % T, "token_type_ids": IDS[:1] % 2}):
        mixed = copy.deepcopy(embed)
        getattr(mixed, part).double()
        mixed.norm.double()
        expected = copy.deepcopy(embed).double()(IDS, **options)
        torch.testing.assert_close(mixed(IDS, **options), expected, rtol=1e-5, atol=1e-5)


def test_swapped_parameters():
    """As FSDP does: the table becomes a view of one flat tensor, which autograd leads to."""
    embed, expected = build(), build()
    named = list(embed.named_parameters())
    flat = torch.cat([value.detach().flatten() for _, value in named]).requires_grad_()
    for (name, old), piece in zip(named, flat.split([value.numel() for _, value in named]), strict=True):
        owner, _, attribute = name.rpartition(".")
        owner = embed.get_submodule(owner)
        delattr(owner, attribute)
        setattr(owner, attribute, piece.view_as(old))
    for options in ({}, {"token_type_ids": IDS % 2}, {"position_ids": IDS % T}):
        got, wanted = embed(IDS, **options), expected(IDS, **options)
        assert torch.equal(got, wanted)
        (gradient,) = torch.autograd.grad(got.square().sum(), flat)
        parts = torch.autograd.grad(wanted.square().sum(), list(expected.parameters()))
        torch.testing.assert_close(gradient, torch.cat([part.flatten() for part in parts]))
    rows = embed.position(3)
    with torch.no_grad():
        rows.mul_(10)
    assert torch.equal(embed(IDS), expected(IDS))


def test_replicas_share_the_tables():
    """As nn.DataParallel makes them: parameters become plain attributes."""

    def replicate(module):
        copied = module._replicate_for_data_parallel()
        for name, child in module.named_children():
            setattr(copied, name, replicate(child))
        for name, value in module.named_parameters(recurse=False):
            setattr(copied, name, value.view_as(value))
        return copied

    embed = build()
    for options in ({}, {"token_type_ids": IDS % 2}, {"position_ids": IDS % T}):
        got, expected = replicate(embed)(IDS, **options), embed(IDS, **options)
        assert torch.equal(got, expected)
        for mine, theirs in zip(
            torch.autograd.grad(got.square().sum(), list(embed.parameters())),
            torch.autograd.grad(expected.square().sum(), list(embed.parameters())),
            strict=True,
        ):
            assert torch.equal(mine, theirs)
    aware = LengthAwareEmbedding([torch.zeros(2, 1), torch.ones(4, 1)], [2, 4])
    assert torch.equal(replicate(aware)(IDS[:, :3] % 3), aware(IDS[:, :3] % 3))


@old_tracer
@pytest.mark.parametrize("position", KINDS)
def test_tracing(position):
    embed = build(position=position)
    traced = torch.jit.trace(embed, (IDS,), check_trace=False)
    other = IDS.flip(0)
    torch.testing.assert_close(traced(other), embed(other))


@old_tracer
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning")  # the layer's own weights
def test_linearized_and_traced_to_operators():
    embed = build()
    options = {"attention_mask": VALUES["attention_mask"], "token_type_ids": IDS[:1] % 2}

    def call(weight):
        return functional_call(embed, {"position.weight": weight}, (IDS,), options)

    weight, tangent = embed.position.weight.detach(), torch.randn(T, WIDTH)
    value, linear = torch.func.linearize(call, weight)
    torch.testing.assert_close(value, embed(IDS, **options))
    torch.testing.assert_close(linear(tangent), jvp(call, (weight,), (tangent,))[1])
    traced = make_fx(lambda ids: embed(ids, **options))(IDS)
    torch.testing.assert_close(traced(IDS.flip(0)), embed(IDS.flip(0), **options))
