"""The Triton kernels against the reference; run by test_triton.py in a process of its own.

Triton decides at its import whether it interprets kernels on the CPU (``TRITON_INTERPRET=1``) or compiles them.
"""

import os

import pytest
import torch

from posembed.nn import TokenPositionEmbedding
from posembed.nn.kernels import reference, triton
from posembed.nn.kernels.reference import ALL, Gradients, Inputs
from tests.nn.kernels.kernel_inputs import SHAPES, WAYS, dropout, make, tables, with_tables

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
# Both sum in float32 and round once. The kernels keep the derivative of each token's sum in the dtype of the tables,
# as PyTorch's own LayerNorm does, so gradients in half precision are off by the rounding of their terms.
CLOSE = {
    torch.float32: {"rtol": 2e-5, "atol": 2e-5},
    torch.float16: {"rtol": 2e-3, "atol": 4e-3},
    torch.bfloat16: {"rtol": 1.6e-2, "atol": 3e-2},
}


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Every buffer that the kernels must fill holds NaN, so an element that they forget shows."""
    torch.manual_seed(0)
    empty, like = torch.empty, torch.empty_like

    def poison(tensor):
        return tensor.fill_(torch.nan) if tensor.is_floating_point() else tensor

    monkeypatch.setattr(torch, "empty", lambda *size, **options: poison(empty(*size, **options)))
    monkeypatch.setattr(torch, "empty_like", lambda *given, **options: poison(like(*given, **options)))


def require_parity(inputs: Inputs) -> Gradients:
    close = CLOSE[inputs.token.dtype]
    output, mean, rstd = triton.forward(inputs)
    torch.testing.assert_close(output, reference.forward(inputs), **close, equal_nan=True)
    cotangent = torch.randn(output.shape, device=DEVICE).to(output.dtype)
    got = triton.backward(cotangent, mean, rstd, inputs, ALL)
    for mine, theirs in zip(got, reference.backward(cotangent, inputs), strict=True):
        torch.testing.assert_close(mine, theirs, **close, equal_nan=True)
    return got


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape):
    require_parity(make(shape, device=DEVICE))


@pytest.mark.parametrize("way", WAYS)
def test_positions(way):
    require_parity(make((2, 3, 5), way, device=DEVICE))


@pytest.mark.parametrize(
    "changes",
    [
        {"types": None},
        {"segment": None, "types": None},
        {"bias": None},
        {"weight": None, "bias": None},
        {"weight": None, "bias": None, **dropout(device=DEVICE)},
        {"token_padding": -1, "position_padding": -1, "start": 0, **dropout(device=DEVICE)},
        {"segment": None, "types": None, "position": None, "weight": None, "bias": None},
    ],
)
def test_parts(changes):
    require_parity(make((2, 3, 5), device=DEVICE, **changes))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    require_parity(make((2, 4, 48), "explicit", dtype, device=DEVICE, **dropout(0.1, device=DEVICE)))


def test_ids_of_other_integer_types_and_memory_that_is_not_contiguous():
    inputs = make((4, 3, 6), "explicit", device=DEVICE)
    apart = {name: table.repeat_interleave(2, -1)[..., ::2] for name, table in tables(inputs).items()}
    ids = {"ids": inputs.ids[::2].int(), "types": inputs.types[:2].int(), "position_rows": inputs.position_rows[2]}
    require_parity(inputs._replace(**apart, **ids))


def test_one_row_of_everything():
    inputs = make((2, 3, 4), "explicit", vocab=1, rows=1, device=DEVICE, token_padding=-1, position_padding=-1)
    require_parity(inputs)


@pytest.mark.parametrize("times", [40] if INTERPRETED else [40, 5000])
def test_one_id_many_times(times, monkeypatch):
    """Runs shorter than a window, of many windows, and of more windows than one step of the second kernel takes."""
    monkeypatch.setattr(triton, "_WINDOW", 4)
    monkeypatch.setattr(triton, "_STEP", 2)
    inputs = make((1, times, 3), "explicit", vocab=4, device=DEVICE, token_padding=-1, position_padding=-1)
    ids = torch.full((times,), 2, device=DEVICE)
    ids[[0, 1, -1]] = torch.tensor([1, 3, 3], device=DEVICE)
    require_parity(inputs._replace(ids=ids[None], weight=None, bias=None))


def test_long_sums_over_all_tokens(monkeypatch):
    monkeypatch.setattr(triton, "_CHUNK", 4)
    monkeypatch.setattr(triton, "_PROGRAMS", 2)
    monkeypatch.setattr(triton, "_ROW_ELEMENTS", 8)
    require_parity(make((3, 5, 3), device=DEVICE, types=None))


@pytest.mark.parametrize("field", ["ids", "position_rows", "types"])
@pytest.mark.parametrize("outside", [-1, 99, 2**40])
def test_ids_outside_a_table_are_never_read(field, outside):
    inputs = make((2, 3, 5), "explicit", device=DEVICE, weight=None, bias=None)
    getattr(inputs, field)[0, 1] = outside
    require_parity(inputs)


def test_start_outside_the_table():
    require_parity(make((2, 3, 5), device=DEVICE, start=5, weight=None, bias=None))


def test_the_same_elements_are_dropped():
    inputs = make((3, 5, 11), device=DEVICE, weight=None, bias=None, **dropout(0.5, seed=2**61 + 3, device=DEVICE))
    assert torch.equal(triton.forward(inputs)[0] == 0, reference.forward(inputs) == 0)


def test_gradients_are_the_same_every_time():
    inputs = make((4, 6, 5), "explicit", torch.bfloat16, vocab=2, device=DEVICE)
    output, mean, rstd = triton.forward(inputs)
    first, second = (triton.backward(output, mean, rstd, inputs, ALL) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_unwanted_gradients_are_not_computed():
    inputs = make((2, 3, 5), device=DEVICE)
    output, mean, rstd = triton.forward(inputs)
    got = triton.backward(output, mean, rstd, inputs, (False, True, False, False, True))
    assert [bool(gradient.numel()) for gradient in got] == [False, True, False, False, True]


def test_the_layer():
    """Through the operator: dropout of a seed, gradients, and a second derivative."""
    build = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "dropout": 0.3, "init_std": 1.0, "device": DEVICE}
    embed = TokenPositionEmbedding(7, 8, 6, backend="triton", **build)
    ids = torch.tensor([[1, 2, 3], [4, 2, 2]], device=DEVICE)
    results = []
    for backend in ("triton", "reference"):
        embed.backend = backend
        torch.manual_seed(3)
        output = embed(ids, position_ids=ids % 2)
        loss = output.square().sum()
        first = torch.autograd.grad(loss, list(embed.parameters()), retain_graph=True)
        (gradient,) = torch.autograd.grad(loss, embed.token.weight, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), embed.position.weight)
        results.append([output, *first, gradient, second])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("changes", [{}, {"weight": None, "bias": None, "segment": None, "types": None}])
def test_the_operator_passes_the_checks_of_pytorch(changes):
    from posembed.nn.kernels import operator

    inputs = make((2, 3, 5), "explicit", device=DEVICE, **changes)
    values = {name: table.requires_grad_() for name, table in tables(inputs).items()}
    torch.library.opcheck(operator._forward, tuple(with_tables(inputs, values)))
