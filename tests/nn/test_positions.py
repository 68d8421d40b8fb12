import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.nn.positions import context_parallel_positions, positions_from_lengths, positions_from_mask

MASK_DTYPES = [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32]


def naive_positions(mask: list[list[int]], start: int) -> list[list[int]]:
    out = []
    for row in mask:
        out.append([])
        count = start
        for real in row:
            out[-1].append(count if real else 0)
            count += real
    return out


masks = st.integers(0, 9).flatmap(
    lambda seq: st.lists(st.lists(st.integers(0, 1), min_size=seq, max_size=seq), min_size=1, max_size=4)
)


@given(mask=masks, start=st.integers(0, 50), dtype=st.sampled_from(MASK_DTYPES))
def test_any_mask_against_a_loop(mask, start, dtype):
    got = positions_from_mask(torch.tensor(mask).to(dtype), start=start)
    assert got.dtype == torch.int64
    assert got.tolist() == naive_positions(mask, start)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_mask_keeps_every_position(dtype):
    mask = torch.ones(1, 3000, dtype=dtype)
    assert positions_from_mask(mask)[0].tolist() == list(range(3000))
    assert mask[:, :600].cumsum(-1).unique().numel() < 600 or dtype == torch.float16  # what goes wrong otherwise
    assert mask.cumsum(-1).unique().numel() < 3000


@given(st.lists(st.integers(0, 6), max_size=6))
def test_any_lengths_against_a_loop(lengths):
    bounds = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    expected = [position for n in lengths for position in range(n)]
    for dtype in (torch.int32, torch.int64):
        cu_seqlens = torch.tensor(bounds, dtype=dtype)
        assert positions_from_lengths(cu_seqlens).tolist() == expected
        assert positions_from_lengths(cu_seqlens, len(expected)).tolist() == expected
        assert positions_from_lengths(cu_seqlens).dtype == torch.int64


def test_lengths_of_a_narrow_dtype_do_not_wrap():
    assert positions_from_lengths(torch.tensor([0, 100, 120], dtype=torch.int8))[-1] == 19


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ([[1, 1]], ArgumentTypeError, "attention_mask must be a tensor, got list"),
        (torch.ones(3), InvalidArgumentError, r"shape \[3\]; positions follow from a \[batch, seq\] mask"),
        (torch.ones(1, 1, 3, 3), InvalidArgumentError, "not from an expanded or additive one"),
        (torch.tensor([[0.0, -1e9]]), InvalidArgumentError, "contains -1000000000.0; allowed are 1 .* and 0"),
        (torch.tensor([[1, 2, 2]]), InvalidArgumentError, "contains 2; .* belong in cu_seqlens"),
        (torch.tensor([[0.5]]), InvalidArgumentError, "contains 0.5"),
        (torch.tensor([[float("nan")]]), InvalidArgumentError, "contains nan"),
        (torch.tensor([[-1]]), InvalidArgumentError, "contains -1"),
    ],
)
def test_what_is_no_mask(mask, error, message):
    with pytest.raises(error, match=message):
        positions_from_mask(mask)


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        (-1, InvalidArgumentError, "start=-1 must be at least 0"),
        (1.0, ArgumentTypeError, "start must be a Python int, got float"),
        (True, ArgumentTypeError, "start must be a Python int, got bool"),
        (torch.tensor(1), ArgumentTypeError, "got Tensor: reading a tensor would make the host wait"),
    ],
)
def test_what_is_no_start(start, error, message):
    with pytest.raises(error, match=message):
        positions_from_mask(torch.ones(1, 2), start=start)


@pytest.mark.parametrize(
    ("cu_seqlens", "total", "error", "message"),
    [
        ([0, 3], None, ArgumentTypeError, "cu_seqlens must be an integer tensor, got list"),
        (torch.tensor([0.0, 3.0]), None, ArgumentTypeError, "cu_seqlens has dtype torch.float32"),
        (torch.tensor([[0, 3]]), None, InvalidArgumentError, r"shape \[1, 2\]; it must be one-dimensional"),
        (torch.tensor([], dtype=torch.long), None, InvalidArgumentError, r"shape \[0\]"),
        (torch.tensor([3, 2]), None, InvalidArgumentError, r"starts \[3, 2\]; .* cumulative lengths, not lengths"),
        (torch.tensor([0, 4, 2]), None, InvalidArgumentError, "begin with 0 and never decrease"),
        (torch.tensor([0, 3]), 4, InvalidArgumentError, "ends at 3, but there are 4 packed tokens"),
        (torch.tensor([0, 3]), torch.tensor(3), ArgumentTypeError, "total must be a Python int, got Tensor"),
        (torch.tensor([0, 3]), -3, InvalidArgumentError, "total=-3 must be at least 0"),
    ],
)
def test_what_are_no_cumulative_lengths(cu_seqlens, total, error, message):
    with pytest.raises(error, match=message):
        positions_from_lengths(cu_seqlens, total)


def test_nothing_is_read_on_a_device_without_values():
    # Any look at a value of a meta tensor raises, so this proves that there is none.
    mask = torch.ones(2, 5, dtype=torch.bfloat16, device="meta")
    assert positions_from_mask(mask, start=3).shape == (2, 5)
    cu_seqlens = torch.zeros(3, dtype=torch.int32, device="meta")
    assert positions_from_lengths(cu_seqlens, 7).shape == (7,)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        positions_from_lengths(cu_seqlens)  # without the total the last value has to be read


@pytest.mark.parametrize("zigzag", [False, True])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_every_position_belongs_to_one_rank(ranks, zigzag):
    parts = [context_parallel_positions(16, rank, ranks, zigzag=zigzag) for rank in range(ranks)]
    assert {part.shape for part in parts} == {(16 // ranks,)}
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(16))
    if zigzag:  # causal attention reads as many keys for each rank
        assert len({int(part.sum()) for part in parts}) == 1
    else:
        assert torch.equal(torch.cat(parts), torch.arange(16))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((10, 0, 4), {}, "seq=10 is not a multiple of ranks=4: pad the sequence"),
        ((12, 0, 4), {"zigzag": True}, r"seq=12 is not a multiple of 2 \* ranks = 8, because zigzag=True"),
        ((8, 2, 2), {}, "rank=2 must be below ranks=2"),
        ((8, -1, 2), {}, "rank=-1 must be at least 0"),
        ((8, 0, 0), {}, "ranks=0 must be at least 1"),
    ],
)
def test_parts_that_there_are_not(arguments, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        context_parallel_positions(*arguments, **options)
