"""Past the end, by every way to say positions. On the meta device any look at a value raises: none is taken there."""

import pytest
import torch

from posembed.errors import PositionOutOfRangeError
from posembed.nn import TokenPositionEmbedding

USABLE, RESERVED = 8, 2
DEVICES = pytest.mark.parametrize("device", ["cpu", "meta"])
FORMS = pytest.mark.parametrize(
    "arguments",
    [{}, {"position_padding_idx": 1}, {"position_padding_idx": 4}, {"type_vocab_size": 2, "layer_norm_eps": 1e-5}],
    ids=["plain", "padding row", "padding row is a position", "segment and norm"],
)


def build(device: str, **arguments) -> TokenPositionEmbedding:
    return TokenPositionEmbedding(10, USABLE, 4, reserved=RESERVED, device=device, **arguments)


def ids(seq: int, device: str, batch: int = 2) -> torch.Tensor:
    return torch.zeros(batch, seq, dtype=torch.long, device=device)


def no_row(position: int):
    text = (
        rf"^position {position} has no row: the table has {USABLE + RESERVED} rows, {RESERVED} of them reserved, so "
        rf"its usable length is {USABLE} \(positions 0 to {USABLE - 1}\)\. Truncate the input to {USABLE} tokens, or .*"
        "posembed.extend_table for an array, extend_model for a live model, `posembed extend` for a checkpoint$"
    )
    return pytest.raises(PositionOutOfRangeError, match=text)


def packed(lengths: list[int], device: str) -> torch.Tensor:
    return torch.tensor([0, *lengths]).cumsum(0).to(torch.int32).to(device)


@DEVICES
@FORMS
def test_the_default_positions(device, arguments):
    embed = build(device, **arguments)
    assert embed(ids(USABLE, device)).shape == (2, USABLE, 4)
    with no_row(USABLE):
        embed(ids(USABLE + 1, device))
    with no_row(99):
        embed(inputs_embeds=torch.zeros(2, 100, 4, device=device))


@DEVICES
@FORMS
@pytest.mark.parametrize("start", [1, 5, USABLE])
def test_start(device, arguments, start):
    embed = build(device, **arguments)
    assert embed(ids(USABLE - start, device), start=start).shape == (2, USABLE - start, 4)
    with no_row(USABLE):
        embed(ids(USABLE - start + 1, device), start=start)


@DEVICES
@FORMS
@pytest.mark.parametrize("full", [False, True], ids=["mask of the chunk", "mask of everything"])
@pytest.mark.parametrize("start", [0, 3])
def test_the_width_of_a_mask(device, arguments, full, start):
    embed = build(device, **arguments)
    for seq in (USABLE - start, USABLE - start + 1):
        # nearly all padding: the bound follows from the shape, whatever the mask holds
        mask = torch.zeros(2, seq + start if full else seq, dtype=torch.bool)
        mask[:, -1] = True
        mask = mask.to(device)
        if seq + start <= USABLE:
            assert embed(ids(seq, device), attention_mask=mask, start=start).shape == (2, seq, 4)
        else:
            with no_row(USABLE):
                embed(ids(seq, device), attention_mask=mask, start=start)


@DEVICES
@FORMS
def test_max_seqlen(device, arguments):
    embed = build(device, **arguments)
    cu_seqlens = packed([USABLE, 0, 3], device)
    total = ids(USABLE + 3, device, batch=1)
    for tokens in (total, total[0]):
        got = embed(tokens, cu_seqlens=cu_seqlens, max_seqlen=USABLE)
        assert got.shape == (*tokens.shape, 4)
        with no_row(USABLE):
            embed(tokens, cu_seqlens=cu_seqlens, max_seqlen=USABLE + 1)


@FORMS
def test_the_values_of_cumulative_lengths(arguments):
    embed = build("cpu", **arguments)
    lengths = [3, USABLE + 1, 2]
    with no_row(USABLE):
        embed(ids(sum(lengths), "cpu", batch=1), cu_seqlens=packed(lengths, "cpu"))


@FORMS
@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 3)])
def test_the_values_of_position_ids(arguments, shape):
    embed = build("cpu", **arguments)
    good = torch.full(shape, USABLE - 1)
    assert embed(ids(3, "cpu"), position_ids=good).shape == (2, 3, 4)
    bad = good.clone()
    bad[..., -1] = USABLE + 5
    with no_row(USABLE + 5):
        embed(ids(3, "cpu"), position_ids=bad)
    with pytest.raises(PositionOutOfRangeError, match=r"position -2 is negative: .* row = reserved \(2\) \+ position"):
        embed(ids(3, "cpu"), position_ids=good - USABLE - 1)


def test_a_reserved_row_is_no_position():
    # Without the check, negative positions would read the reserved rows and nobody would notice.
    with pytest.raises(PositionOutOfRangeError, match="position -1 is negative"):
        build("cpu")(ids(1, "cpu"), position_ids=torch.tensor([-1]))


@FORMS
def test_everything_that_is_allowed_reads_no_value(arguments):
    embed = build("meta", **arguments)
    tokens = ids(5, "meta")
    types = {"token_type_ids": tokens} if "type_vocab_size" in arguments else {}
    for dtype in (torch.bool, torch.long, torch.bfloat16):
        for options in (
            {},
            {"start": 3},
            {"position_ids": tokens},
            {"position_ids": tokens[0]},
            {"attention_mask": tokens.to(dtype)},
            {"attention_mask": ids(8, "meta").to(dtype), "start": 3},
            {"attention_mask": tokens.to(dtype), "start": 3},
        ):
            assert embed(tokens, **options, **types).shape == (2, 5, 4)
    assert embed(tokens[:1], cu_seqlens=packed([2, 3], "meta")).shape == (1, 5, 4)


@DEVICES
def test_sinusoids_and_no_positions_have_no_end(device):
    for position in ("sinusoidal", "none"):
        embed = TokenPositionEmbedding(10, USABLE, 4, position=position, device=device)
        far = ids(50, device)
        assert embed.usable_length is None
        assert embed(far, start=1000).shape == (2, 50, 4)
        assert embed(far, attention_mask=torch.ones(2, 50, device=device)).shape == (2, 50, 4)
        assert embed(far[:1], cu_seqlens=packed([20, 30], device), max_seqlen=30).shape == (1, 50, 4)
        assert embed(far, position_ids=far[0] + 10**6).shape == (2, 50, 4)


def test_a_bound_is_said_before_any_kernel_runs():
    class Poisoned(torch.nn.Embedding):
        def forward(self, _ids):  # the token lookup comes first among the kernels
            raise AssertionError("a kernel ran before the bound was checked")

    embed = build("cpu")
    embed.token = Poisoned(10, 4)
    mask = torch.ones(2, 9)
    for options in ({}, {"attention_mask": mask}, {"start": 0, "attention_mask": mask}):
        with no_row(USABLE):
            embed(ids(9, "cpu"), **options)
    with no_row(USABLE):
        embed(ids(9, "cpu", batch=1), cu_seqlens=packed([9], "cpu"), max_seqlen=9)
