"""What LengthAwareEmbedding accepts and refuses: kinds of rows and masks, transforms, devices, compiled graphs."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import functional_call, grad, jvp, vmap

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn.length_aware import LengthAwareEmbedding

LIMITS = (5, 9, 16)


def make(reserved=0, width=3, padding_idx=None, dtype=torch.float32):
    torch.manual_seed(0)
    tables = [torch.randn(reserved + limit, width, dtype=dtype) for limit in LIMITS]
    return LengthAwareEmbedding(tables, LIMITS, reserved=reserved, padding_idx=padding_idx), tables


def plain(module, rows, mask, reserved):
    """One lookup for each token, with plain Python; gradients reach ``module.weight``."""
    begins = [sum(reserved + limit for limit in LIMITS[:k]) for k in range(len(LIMITS))]
    batch = max(len(rows), len(mask))
    rows, mask = rows.expand(batch, -1).tolist(), mask.expand(batch, -1).tolist()
    lines = []
    for line, real in zip(rows, mask, strict=True):
        extent = max((row + 1 - reserved for row, is_real in zip(line, real, strict=True) if is_real), default=0)
        number = next(k for k, limit in enumerate(LIMITS) if extent <= limit)
        last = reserved + LIMITS[number] - 1
        lines.append(torch.stack([module.weight[begins[number] + min(row, last)] for row in line]))
    return torch.stack(lines)


@given(
    lengths=st.lists(st.integers(0, 16), min_size=1, max_size=4),
    left=st.booleans(),
    counted=st.booleans(),
    reserved=st.sampled_from([0, 2]),
    dtype=st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]),
    mask_dtype=st.sampled_from([torch.bool, torch.int64, torch.float16]),
    strided=st.booleans(),
)
def test_values_and_gradients_of_any_batch(lengths, left, counted, reserved, dtype, mask_dtype, strided):
    module, _ = make(reserved)
    seq = max(1, *lengths)
    mask = (torch.arange(seq) < torch.tensor(lengths)[:, None]).long()
    mask = mask.flip(1) if left else mask
    rows = reserved + ((mask.cumsum(1) - 1) * mask if counted else torch.arange(seq)[None])
    module.mask = mask.to(mask_dtype)
    given_rows = rows.to(dtype)
    if strided:
        given_rows = torch.stack((given_rows, given_rows), dim=-1)[..., 0]
        assert not given_rows.is_contiguous() or given_rows.shape[1] == 1
    expected, got = plain(module, rows, mask, reserved), module(given_rows)
    assert torch.equal(got, expected)
    cotangent = torch.randn(got.shape)
    for mine, theirs in zip(
        torch.autograd.grad(got, module.weight, cotangent),
        torch.autograd.grad(expected, module.weight, cotangent),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("seq", [0, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_no_tokens_or_no_rows(batch, seq, masked):
    module, _ = make(reserved=2, padding_idx=1)
    if masked:
        module.mask = torch.ones(batch, 9)
    rows = torch.zeros(batch, seq, dtype=torch.long)
    got = module(rows)
    assert got.shape == (batch, seq, 3)
    got.sum().backward()  # also of nothing: a data-parallel process with an empty batch needs its zeros
    assert module.weight.grad is not None
    if masked:
        assert module(rows[:1] if batch else torch.zeros(1, seq, dtype=torch.long)).shape == (batch, seq, 3)


@pytest.mark.parametrize("reserved", [0, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_a_negative_row_is_refused(reserved, masked):
    """A longer table's offset minus one is the last row of the table before."""
    module, _ = make(reserved)
    if masked:
        module.mask = torch.tensor([[0] + [1] * 11])
    for first in (-1, -20):
        rows = torch.cat((torch.tensor([first]), torch.arange(11)))[None]
        with pytest.raises(PositionOutOfRangeError, match=rf"row {first} is negative: .*= reserved \({reserved}\)"):
            module(rows)


@pytest.mark.parametrize("padding_idx", [None, 1])
def test_reserved_rows_count_as_no_position(padding_idx):
    module, tables = make(reserved=2, padding_idx=padding_idx)
    assert torch.equal(module(torch.tensor([[0, 1]]))[0], tables[0][:2])


def test_the_message_names_the_token_and_not_the_padding():
    module, _ = make()
    module.mask = torch.tensor([[1, 1, 0]])
    assert module(torch.tensor([[0, 1, 99]])).shape == (1, 3, 3)
    with pytest.raises(PositionOutOfRangeError, match="position 17 has no row"):
        module(torch.tensor([[0, 17, 99]]))


@pytest.mark.parametrize("rows", [torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), [[0, 1]]])
def test_rows_are_integers(rows):
    with pytest.raises(ArgumentTypeError, match=r"rows (has dtype|must be an integer tensor)"):
        make()[0](rows)


def test_another_device():
    module, _ = make()
    with pytest.raises(InvalidArgumentError, match="rows is on device meta, but the table is on cpu"):
        module(torch.zeros(1, 2, dtype=torch.long, device="meta"))


@pytest.mark.parametrize("mask", [torch.ones(4), torch.ones(1, 1, 4, 4), torch.ones(2, 1, 4)])
def test_a_mask_of_another_rank_is_refused(mask):
    module, _ = make()
    module.mask = mask
    with pytest.raises(InvalidArgumentError, match="does not fit positions of shape"):
        module(torch.zeros(1, 4, dtype=torch.long))


@pytest.mark.parametrize("low", [float("-inf"), torch.finfo(torch.float16).min])
def test_an_additive_mask_is_refused(low):
    """Its 0 means a real token."""
    module, _ = make()
    module.mask = torch.tensor([[0.0, 0.0, low]])
    with pytest.raises(InvalidArgumentError, match=r"attention_mask contains -.*; allowed are 1 \(token\) and 0"):
        module(torch.arange(3)[None])


def test_document_numbers_are_real_tokens():
    module, tables = make()
    module.mask = torch.tensor([[1, 1, 1, 2, 2, 2, 3]])
    assert torch.equal(module(torch.arange(7)[None])[0], tables[1][:7])


def test_the_padding_row_of_every_table_has_no_gradient():
    module, _ = make(reserved=2, padding_idx=1)
    module(torch.tensor([[1, 2, 3], [1, 2, 12]])).sum().backward()
    gradient = module.weight.grad[:, 0]
    assert torch.nonzero(gradient).flatten().tolist() == [2, 3, 7 + 11 + 2, 7 + 11 + 12]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # forward mode still loads PyTorch's old compiler
def test_transforms():
    module, _ = make(reserved=2, padding_idx=1, dtype=torch.float64)
    rows = torch.tensor([[2, 3, 4], [1, 2, 12]])
    cotangent = torch.randn(2, 3, 3, dtype=torch.float64)
    assert torch.equal(vmap(lambda line: module(line[None])[0])(rows), module(rows))

    def loss(weight):
        return (functional_call(module, {"weight": weight}, (rows,)) * cotangent).sum()

    (expected,) = torch.autograd.grad((module(rows) * cotangent).sum(), module.weight)
    weight = module.weight.detach()
    torch.testing.assert_close(grad(loss)(weight), expected)
    tangent = torch.randn_like(weight)
    _, along = jvp(loss, (weight,), (tangent,))
    torch.testing.assert_close(along, (expected * tangent).sum())
    with pytest.raises(PositionOutOfRangeError, match="row -1 is negative"):
        vmap(lambda line: module(line[None])[0])(rows - 2)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("frozen", [False, True])
def test_rows_are_a_copy_of_the_tables(context, frozen):
    module, tables = make()
    module.weight.requires_grad_(not frozen)
    with context():
        module(torch.arange(4)[None]).mul_(10)
    if frozen:
        module(torch.arange(4)[None]).mul_(10)
    assert torch.equal(module.weight, torch.cat(tables))


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_in_one_compiled_graph(fresh_compiler, backend):
    module, _ = make(reserved=2, padding_idx=1)
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    for seq in (4, 7, 12, 16):
        rows = 2 + torch.arange(seq)[None].repeat(2, 1)
        rows[0, 3:] = 1
        got, expected = compiled(rows), module(rows)
        assert torch.equal(got, expected)
        assert torch.equal(*(torch.autograd.grad(each.sum(), module.weight)[0] for each in (got, expected)))
    for wrong in (torch.tensor([[1, -1]]), torch.tensor([[1, 18]])):
        with pytest.raises(RuntimeError, match="a row is outside 0 to 17: the longest table has 16 positions"):
            compiled(wrong)


def test_exported():
    module, _ = make()
    program = torch.export.export(module, (torch.arange(6)[None],)).module()
    for first in (0, 3, 10):
        assert torch.equal(program(first + torch.arange(6)[None]), module(first + torch.arange(6)[None]))
    with pytest.raises(RuntimeError, match="a row is outside 0 to 15"):
        program(11 + torch.arange(6)[None])


def test_limits_survive_what_replaces_buffers():
    module, _ = make(reserved=2)
    rows = 2 + torch.arange(7)[None]
    empty = copy.deepcopy(module).to("meta").to_empty(device="cpu")
    empty.load_state_dict(module.state_dict())
    assert torch.equal(empty(rows), module(rows))
    assert (empty.num_embeddings, repr(empty)) == (18, repr(module))
    halved = copy.deepcopy(module).type(torch.bfloat16)  # casts buffers of integers too
    assert torch.equal(halved(rows), module(rows).bfloat16())
    assert list(module.state_dict()) == ["weight"]


@pytest.mark.parametrize(
    ("length", "error", "message"),
    [
        (17, PositionOutOfRangeError, "position 16 has no row: the longest table has 16 positions"),
        (-1, InvalidArgumentError, "length=-1 must be at least 0"),
        (7.0, ArgumentTypeError, "length must be a Python int"),
    ],
)
def test_a_plan_that_no_table_fits(length, error, message):
    module, _ = make()
    with pytest.raises(error, match=message), module.planning(length):
        pass
    assert module.planned is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"padding_idx": 6},
            InvalidArgumentError,
            "padding_idx=6 is a row of every table, but the shortest has 6 rows",
        ),
        ({"padding_idx": -1}, InvalidArgumentError, "padding_idx=-1 must be at least 0"),
        ({"reserved": 1.0}, ArgumentTypeError, "reserved must be a Python int"),
    ],
)
def test_arguments_that_fit_no_table(arguments, error, message):
    tables = [torch.zeros(1 + limit, 3) for limit in LIMITS]
    with pytest.raises(error, match=message):
        LengthAwareEmbedding(tables, LIMITS, **({"reserved": 1} | arguments))
