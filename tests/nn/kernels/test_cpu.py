"""The compiled kernels of the CPU against the reference: output and every gradient."""

import pytest
import torch

from posembed.nn.kernels import reference
from posembed.nn.kernels.reference import ALL, Gradients
from tests.nn.kernels.kernel_inputs import SHAPES, WAYS, make, tables

pytest.importorskip("numba", reason="numba is not installed (pip install 'posembed[cpu]')")
from posembed.nn.kernels import cpu, threads

CLOSE = {torch.float32: {"rtol": 2e-5, "atol": 2e-5}, torch.float64: {"rtol": 1e-10, "atol": 1e-10}}


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Every buffer that the kernels must fill holds NaN, so an element that they forget shows."""
    torch.manual_seed(0)

    def poison(make_tensor):
        def made(*given, **options):
            tensor = make_tensor(*given, **options)
            return tensor.fill_(torch.nan) if tensor.is_floating_point() else tensor

        return made

    for owner, name in ((torch, "empty"), (torch, "empty_like"), (torch.Tensor, "new_empty")):
        monkeypatch.setattr(owner, name, poison(getattr(owner, name)))


def require_parity(inputs, wanted=ALL) -> Gradients:
    close = CLOSE[inputs.token.dtype]
    output, mean, rstd = cpu.forward(inputs)
    torch.testing.assert_close(output, reference.forward(inputs), **close, equal_nan=True)
    cotangent = torch.randn(output.shape, dtype=output.dtype)
    got = cpu.backward(cotangent, mean, rstd, inputs, wanted, torch.empty_like(inputs.token))
    for mine, theirs in zip(got, reference.backward(cotangent, inputs, wanted), strict=True):
        torch.testing.assert_close(mine, theirs, **close, equal_nan=True)
    return got


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_positions_in_float64(shape, way):
    require_parity(make(shape, way, torch.float64))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 3), (1, 2, 769)])
def test_shapes_in_float32(shape):
    require_parity(make(shape))


@pytest.mark.parametrize(
    "changes",
    [
        {"types": None},
        {"segment": None, "types": None},
        {"segment": None},
        {"bias": None},
        {"weight": None, "bias": None},
        {"weight": None, "bias": None, "types": None},
        {"token_padding": -1, "position_padding": -1, "start": 0},
        {"segment": None, "types": None, "position": None, "weight": None, "bias": None},
    ],
)
@pytest.mark.parametrize("way", ["consecutive", "explicit"])
def test_parts(changes, way):
    require_parity(make((2, 3, 5), way, torch.float64, **changes))


@pytest.mark.parametrize("wanted", [tuple(i == one for i in range(5)) for one in range(5)] + [(False,) * 5])
@pytest.mark.parametrize("way", ["consecutive", "explicit"])
def test_only_wanted_gradients_are_computed(wanted, way):
    inputs = make((2, 3, 5), way, torch.float64)
    got = require_parity(inputs, wanted)
    assert [gradient.numel() > 0 for gradient in got] == list(wanted)
    require_parity(inputs._replace(weight=None, bias=None), wanted)


def test_without_a_norm_the_bits_are_those_of_plain_additions():
    inputs = make((3, 4, 100), weight=None, bias=None)
    rows = inputs.position[3:7] + inputs.segment[inputs.types]
    assert torch.equal(cpu.forward(inputs)[0], inputs.token[inputs.ids] + rows)


def test_ids_of_other_integer_types_shapes_and_strides():
    inputs = make((4, 3, 6), "explicit", torch.float64)
    ids = {"ids": inputs.ids[::2].int(), "types": inputs.types[0], "position_rows": inputs.position_rows[2:3].int()}
    require_parity(inputs._replace(**ids))


def test_a_gradient_that_is_not_contiguous():
    inputs = make((2, 3, 5), dtype=torch.float64)
    _, mean, rstd = cpu.forward(inputs)
    cotangent = torch.randn(5, 3, 2, dtype=torch.float64).permute(2, 1, 0)
    one = torch.ones((), dtype=torch.float64).expand(2, 3, 5)
    for gradient in (cotangent, one):
        got = cpu.backward(gradient, mean, rstd, inputs, ALL, torch.empty_like(inputs.token))
        for mine, theirs in zip(got, reference.backward(gradient, inputs), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_many_types():
    types = cpu._MOST_TYPES + 3
    inputs = make((4, 30, 6), dtype=torch.float64, segment=torch.randn(types, 6, dtype=torch.float64))
    require_parity(inputs._replace(types=torch.randint(0, types, (4, 30))))
    require_parity(inputs._replace(types=None))


def test_one_row_of_everything():
    require_parity(make((2, 3, 4), "explicit", torch.float64, vocab=1, rows=1, token_padding=-1, position_padding=-1))


def test_one_id_many_times():
    inputs = make((1, 5000, 3), "explicit", vocab=4, token_padding=-1, position_padding=-1, weight=None, bias=None)
    inputs = inputs._replace(ids=torch.full((1, 5000), 2), position_rows=torch.full((1, 5000), 7))
    exact = inputs._replace(**{name: table.double() for name, table in tables(inputs).items()})
    cotangent = torch.randn(1, 5000, 3)
    none = torch.empty(0)
    got = cpu.backward(cotangent, none, none, inputs, ALL, torch.empty_like(inputs.token))
    for mine, theirs in zip(got[:3], reference.backward(cotangent.double(), exact)[:3], strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("field", ["ids", "position_rows", "types"])
@pytest.mark.parametrize("outside", [-1, 99, 2**40])
@pytest.mark.parametrize("norm", [True, False])
def test_ids_outside_a_table_are_never_read(field, outside, norm):
    inputs = make((2, 3, 5), "explicit", torch.float64)
    getattr(inputs, field)[0, 1] = outside
    require_parity(inputs if norm else inputs._replace(weight=None, bias=None))


def test_start_outside_the_table():
    require_parity(make((2, 3, 5), dtype=torch.float64, start=5))


def test_adding_and_filling():
    inputs = make((2, 3, 5), dtype=torch.float64, vocab=9)
    output, mean, rstd = cpu.forward(inputs)
    cotangent = torch.randn(output.shape, dtype=torch.float64)
    exact = reference.backward(cotangent, inputs).token
    held = torch.randn(9, 5, dtype=torch.float64)
    read = torch.zeros(9, dtype=torch.bool).scatter(0, inputs.ids.flatten(), True)
    read[inputs.token_padding] = False

    def token(**how):
        return cpu.backward(cotangent, mean, rstd, inputs, ALL, held.clone(), **how).token

    torch.testing.assert_close(token(add=True, fill=False), held + exact)
    torch.testing.assert_close(token(fill=False), torch.where(read[:, None], exact, held))


@pytest.mark.parametrize("way", ["consecutive", "explicit"])
def test_threads_change_nothing(way, monkeypatch):
    """Each row of a table is summed by one thread, in the order of the tokens; partial sums depend on shapes alone."""
    inputs = make((5, 301, 9), way, vocab=40)
    output, mean, rstd = cpu.forward(inputs)
    cotangent = torch.randn(output.shape)

    def run():
        return (cpu.forward(inputs)[0], *cpu.backward(cotangent, mean, rstd, inputs, ALL, torch.empty(40, 9)))

    one = run()
    monkeypatch.setattr(threads, "_LEAST_ELEMENTS", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert threads.parts(1 << 20, 99) == 3
    for alone, together in zip(one, run(), strict=True):
        assert torch.equal(alone, together)


def test_memory_of_tables_can_still_be_resized():
    inputs = make((2, 3, 5), "explicit", torch.float64)
    output, mean, rstd = cpu.forward(inputs)
    cpu.backward(torch.randn_like(output), mean, rstd, inputs, ALL, torch.empty_like(inputs.token))
    assert {name for name, table in tables(inputs).items() if not table.untyped_storage().resizable()} == set()
