"""The reference against TokenPositionEmbedding's modules, against autograd, and against finite differences."""

import pytest
import torch
from torch import nn

from posembed.nn import TokenPositionEmbedding
from posembed.nn.kernels import reference
from posembed.nn.kernels.reference import Inputs
from tests.nn.kernels.kernel_inputs import SHAPES, WAYS, dropout, make, tables, with_tables

LENGTH = 8
CALLS = {
    "default": lambda *_: {},
    "start": lambda _, s: {"start": LENGTH - s},
    "types": lambda b, s: {"token_type_ids": torch.randint(0, 2, (b, s))},
    "one row of types": lambda _, s: {"token_type_ids": torch.randint(0, 2, (s,))},
    "position_ids": lambda b, s: {"position_ids": torch.randint(0, LENGTH, (b, s))},
    "one row of positions": lambda _, s: {"position_ids": torch.randint(0, LENGTH, (1, s))},
    "mask": lambda b, s: {"attention_mask": (torch.arange(s) < torch.randint(0, s + 1, (b, 1))).long()},
    "mask of a cache": lambda b, s: {"attention_mask": torch.ones(b, LENGTH), "start": LENGTH - s},
}
MODULES = {
    "plain": {},
    "all": {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "padding_idx": 1, "reserved": 2, "position_padding_idx": 1},
    "padding is a position": {"position_padding_idx": 3, "layer_norm_eps": 1e-12},
    "segments alone": {"type_vocab_size": 2, "position": "none"},
    "nothing but tokens": {"position": "none"},
}


def gradients(embed, output, cotangent):
    parameters = list(embed.parameters())
    return torch.autograd.grad(output, parameters, cotangent, allow_unused=True, materialize_grads=True)


PAIRS = [(c, m) for c in CALLS for m in MODULES if "types" not in c or "type_vocab_size" in MODULES[m]]


@pytest.mark.parametrize(("call", "modules"), PAIRS)
def test_as_the_modules(call, modules):
    for batch, seq, width in [(1, 1, 1), (2, 3, 3), (3, 5, 65), (1, 8, 100), (2, 0, 5), (0, 3, 5)]:
        build = {"init_std": 1.0, "dtype": torch.float64, **MODULES[modules]}
        embed = TokenPositionEmbedding(6, LENGTH, width, backend="reference", **build)
        if embed.norm is not None:
            nn.init.normal_(embed.norm.weight)
            nn.init.normal_(embed.norm.bias)
        ids, options = torch.randint(0, 6, (batch, seq)), CALLS[call](batch, seq)
        got = embed(ids, **options)
        embed.backend = "cpu"
        expected = embed(ids, **options)
        torch.testing.assert_close(got, expected)
        cotangent = torch.randn(got.shape, dtype=torch.float64)
        for mine, theirs in zip(gradients(embed, got, cotangent), gradients(embed, expected, cotangent), strict=True):
            torch.testing.assert_close(mine, theirs)


def test_packed_as_the_modules():
    embed = TokenPositionEmbedding(9, LENGTH, 7, backend="reference", dtype=torch.float64, layer_norm_eps=1e-5)
    ids, lengths = torch.randint(0, 9, (9,)), torch.tensor([0, 4, 4, 9])
    got = embed(ids, cu_seqlens=lengths)
    embed.backend = "auto"
    torch.testing.assert_close(got, embed(ids, cu_seqlens=lengths))


@pytest.mark.parametrize("way", WAYS)
def test_the_written_out_gradients_are_those_of_autograd(way):
    for shape in SHAPES:
        for changes in ({}, {"weight": None, "bias": None}, {"bias": None, **dropout()}, {"types": None}):
            inputs = make(shape, way, torch.float64, **changes)
            values = {name: table.requires_grad_() for name, table in tables(inputs).items()}
            output = reference.forward(inputs)
            cotangent = torch.randn_like(output)
            expected = torch.autograd.grad(output, list(values.values()), cotangent)
            got = reference.backward(cotangent, inputs)._asdict()
            for name, gradient in zip(values, expected, strict=True):
                torch.testing.assert_close(got[name], gradient)
            assert all(not gradient.numel() for name, gradient in got.items() if name not in values)


@pytest.mark.parametrize("way", WAYS)
def test_finite_differences(way):
    inputs = make((2, 3, 4), way, torch.float64, **dropout(), token_padding=-1, position_padding=-1)
    values = {name: table.requires_grad_() for name, table in tables(inputs).items()}

    def embed(*changed):
        return reference.forward(with_tables(inputs, dict(zip(values, changed, strict=True))))

    assert torch.autograd.gradcheck(embed, list(values.values()))


def test_one_id_five_thousand_times():
    token = torch.ones(1, 3, requires_grad=True)
    inputs = Inputs(torch.zeros(1, 5000, dtype=torch.int64), token)
    reference.forward(inputs).sum().backward()
    assert torch.equal(token.grad, torch.full((1, 3), 5000.0))
    half = Inputs(inputs.ids, token.detach().bfloat16())  # added one by one in bfloat16, the sum would stop at 256
    gradient = reference.backward(torch.ones(1, 5000, 3, dtype=torch.bfloat16), half).token
    assert torch.equal(gradient, torch.full((1, 3), 5000.0).bfloat16())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype):
    inputs = make((3, 4, 65), "explicit", dtype)
    wide = with_tables(inputs, {name: table.float() for name, table in tables(inputs).items()})
    assert torch.equal(reference.forward(inputs), reference.forward(wide).to(dtype))
    cotangent = torch.randn(3, 4, 65).to(dtype)
    wanted = reference.backward(cotangent.float(), wide)
    for mine, theirs in zip(reference.backward(cotangent, inputs), wanted, strict=True):
        assert torch.equal(mine, theirs.to(dtype))


@pytest.mark.parametrize("field", ["ids", "position_rows", "types"])
@pytest.mark.parametrize("outside", [-1, 99, 2**40])
def test_an_id_without_a_row_is_nan_and_no_other_row(field, outside):
    inputs = make((2, 3, 5), "explicit", weight=None, bias=None, token_padding=-1, position_padding=-1)
    getattr(inputs, field)[0, 1] = outside
    output = reference.forward(inputs)
    wrong = torch.zeros(2, 3, dtype=torch.bool)
    wrong[0, 1] = True
    assert torch.equal(output.isnan(), wrong[..., None].expand_as(output))
    gradients = reference.backward(torch.ones_like(output), inputs)
    read = dict(zip(("ids", "position_rows", "types"), gradients[:3], strict=True))
    assert {name: gradient.sum().item() for name, gradient in read.items()} == {
        name: 25.0 if name == field else 30.0 for name in read
    }


def test_dropped_elements_are_zero_and_the_others_grow():
    inputs = make((4, 50, 20), "consecutive", weight=None, bias=None)
    kept = reference.forward(inputs._replace(**dropout(0.25)))
    plain = reference.forward(inputs)
    zero = kept == 0
    assert 0.2 < zero.float().mean() < 0.3
    torch.testing.assert_close(kept[~zero], plain[~zero] / 0.75)
    assert torch.equal(reference.forward(inputs._replace(**dropout(0.0))), plain)


def test_unwanted_gradients_are_empty():
    inputs = make((2, 3, 5))
    for place in range(5):
        wanted = tuple(each == place for each in range(5))
        got = reference.backward(torch.ones(2, 3, 5), inputs, wanted)
        assert [bool(gradient.numel()) for gradient in got] == list(wanted)
