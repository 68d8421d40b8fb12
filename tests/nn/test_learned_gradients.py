"""Every parameter's gradient against plain gathers, and the sums that half precision would get wrong."""

import pytest
import torch
import torch.nn.functional as F

from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding

VOCAB, T, BATCH, RESERVED = 17, 63, 5, 2
MASK_RIGHT = (torch.arange(T) < torch.tensor([[T], [40], [1], [0], [17]])).long()
MASK_LEFT = MASK_RIGHT.flip(1)
LENGTHS = torch.tensor([20, 0, 1, 42])


def positions_of(mask: torch.Tensor) -> torch.Tensor:
    return (mask.cumsum(1) - 1) * mask


# name -> (arguments of forward, positions [BATCH or 1, T] or shorter, which tokens are padding)
NOTHING = torch.zeros(BATCH, T, dtype=torch.bool)
SCATTERED = torch.randint(0, T, (BATCH, T), generator=torch.Generator().manual_seed(3))
WAYS = {
    "default": ({}, torch.arange(T).expand(BATCH, T), NOTHING),
    "start": ({"start": 20}, torch.arange(20, T).expand(BATCH, -1), NOTHING[:, 20:]),
    "one row of position_ids": ({"position_ids": torch.arange(T).flip(0)}, torch.arange(T).flip(0), NOTHING),
    "position_ids": ({"position_ids": SCATTERED}, SCATTERED, NOTHING),
    "right padding": ({"attention_mask": MASK_RIGHT}, positions_of(MASK_RIGHT), MASK_RIGHT == 0),
    "left padding": ({"attention_mask": MASK_LEFT}, positions_of(MASK_LEFT), MASK_LEFT == 0),
    "packed": (
        {"cu_seqlens": F.pad(LENGTHS.cumsum(0), (1, 0)), "max_seqlen": 42},
        torch.cat([torch.arange(n) for n in LENGTHS])[None],
        NOTHING[:1],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("width", [60, 61])
@pytest.mark.parametrize("with_types", [False, True], ids=["no types", "types"])
@pytest.mark.parametrize(("reserved", "padding_row"), [(0, None), (2, None), (2, 1), (0, 7), (2, 2)])
def test_every_gradient_against_gathers(way, width, with_types, reserved, padding_row):
    embed = TokenPositionEmbedding(
        VOCAB, T, width, type_vocab_size=3, layer_norm_eps=1e-5, padding_idx=4, init_std=1.0, dtype=torch.float64,
        reserved=reserved, position_padding_idx=padding_row,
    )  # fmt: skip
    for parameter in embed.parameters():
        torch.nn.init.normal_(parameter)
    options, positions, padding = WAYS[way]
    shape = torch.broadcast_shapes(positions.shape, padding.shape)
    ids, types = torch.randint(0, VOCAB, shape), torch.randint(0, 3, shape)
    given_types = {"token_type_ids": types} if with_types else {}
    rows = positions.expand(shape) + reserved
    if padding_row is not None:
        rows = torch.where(padding, padding_row, rows)

    naive = {name: p.detach().clone().requires_grad_() for name, p in embed.named_parameters()}
    summed = (
        F.embedding(ids, naive["token.weight"], 4)
        + F.embedding(rows, naive["position.weight"], padding_row)
        + F.embedding(types if with_types else torch.zeros_like(types), naive["segment.weight"])
    )
    expected = F.layer_norm(summed, (width,), naive["norm.weight"], naive["norm.bias"], 1e-5)
    got = embed(ids, **options, **given_types)
    torch.testing.assert_close(got, expected)

    cotangent = torch.randn(got.shape, dtype=torch.float64)
    expected.backward(cotangent)
    got.backward(cotangent)
    assert len(naive) == 5
    for name, parameter in embed.named_parameters():
        torch.testing.assert_close(parameter.grad, naive[name].grad, rtol=1e-12, atol=1e-11, msg=name)
    assert not embed.token.weight.grad[4].any()
    if padding_row is not None:
        assert not embed.position.weight.grad[padding_row].any()
    used = torch.zeros(T + reserved, dtype=torch.bool)
    used[rows.unique()] = True
    if padding_row is not None:
        used[padding_row] = False
    assert embed.position.weight.grad.any(-1).equal(used)


@pytest.mark.parametrize("way", WAYS)
def test_the_gradient_of_given_embeddings(way):
    embed = TokenPositionEmbedding(VOCAB, T, 8, layer_norm_eps=1e-5, reserved=2, position_padding_idx=1)
    options, positions, padding = WAYS[way]
    shape = torch.broadcast_shapes(positions.shape, padding.shape)
    given = torch.randn(*shape, 8, requires_grad=True)
    before, ids = given.detach().clone(), torch.zeros(shape, dtype=torch.long)
    cotangent = torch.randn(*shape, 8)
    embed(inputs_embeds=given, **options).backward(cotangent)
    assert torch.equal(given, before)
    hidden = F.embedding(ids, torch.zeros(1, 8)) + before
    hidden.requires_grad_()
    rows = torch.where(padding, 1, positions.expand(shape) + 2)
    norm = F.layer_norm(hidden + embed.position.weight.detach()[rows], (8,), eps=1e-5)
    (expected,) = torch.autograd.grad(norm, hidden, cotangent)
    torch.testing.assert_close(given.grad, expected)


def half_precision_ways(batch: int, seq: int) -> dict:
    keep = torch.randint(1, seq + 1, (batch, 1), generator=torch.Generator().manual_seed(5))
    mask = (torch.arange(seq) < keep).long()
    grid = torch.arange(seq).expand(batch, seq)
    return {
        "default": ({}, grid),
        "one row of position_ids": ({"position_ids": torch.arange(seq)}, grid),
        "position_ids": ({"position_ids": grid}, grid),
        "right padding": ({"attention_mask": mask}, positions_of(mask)),
        "left padding": ({"attention_mask": mask.flip(1)}, positions_of(mask.flip(1))),
        "packed": ({"cu_seqlens": torch.arange(batch + 1) * seq}, grid),
    }


@pytest.mark.parametrize("way", half_precision_ways(1, 1))
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("padding_row", [None, 1, 5])
def test_a_half_precision_gradient_is_summed_in_float32(way, dtype, padding_row):
    batch, seq, width = 256, 24, 16
    embed = TokenPositionEmbedding(
        VOCAB, seq, width, reserved=2, position_padding_idx=padding_row, type_vocab_size=2, dtype=dtype
    )
    options, positions = half_precision_ways(batch, seq)[way]
    rows = positions + 2
    if "attention_mask" in options and padding_row is not None:
        rows = torch.where(options["attention_mask"] == 0, padding_row, rows)
    shape = (1, batch * seq) if way == "packed" else (batch, seq)
    types = torch.randint(0, 2, shape)
    # a common mean, as real gradients have: sums grow until half precision no longer sees what is added
    cotangent = (torch.randn(*shape, width) + 0.5).to(dtype)
    embed(torch.randint(0, VOCAB, shape), token_type_ids=types, **options).backward(cotangent)

    flat = cotangent.double().flatten(0, 1)
    for table, index, zero in ((embed.position, rows, padding_row), (embed.segment, types, None)):
        exact = torch.zeros(table.weight.shape, dtype=torch.float64).index_add_(0, index.flatten(), flat)
        if zero is not None:
            exact[zero] = 0
        error = table.weight.grad.double() - exact
        assert error.norm() / exact.norm() <= 2.5e-3
        half_step = 2.0**-8 if dtype == torch.bfloat16 else 2.0**-11  # the largest relative rounding error of dtype
        assert (error.abs() <= half_step * exact.abs() + 1e-3).all()


def test_summing_in_half_precision_would_have_been_seen():
    weight = torch.zeros(24, 16, dtype=torch.bfloat16, requires_grad=True)
    cotangent = (torch.randn(256, 24, 16) + 0.5).bfloat16()
    F.embedding(torch.arange(24).expand(256, 24), weight).backward(cotangent)
    exact = cotangent.double().sum(0)
    assert (weight.grad.double() - exact).norm() / exact.norm() > 1e-2


def operators(run) -> list[str]:
    """Names of the ATen operators that run; the profiler only counts, where a mode would be an observer."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run()
    return [event.name.removeprefix("aten::") for event in profile.events()]


@pytest.mark.parametrize(("options", "gathers"), [({}, 1), ({"start": 3}, 1), ({"position_ids": torch.arange(4)}, 2)])
def test_default_positions_are_not_gathered(options, gathers):
    embed = TokenPositionEmbedding(VOCAB, 8, 4, reserved=2, position_padding_idx=1, type_vocab_size=2)
    names = operators(lambda: embed(torch.zeros(2, 4, dtype=torch.long), **options))
    assert names.count("embedding") == gathers
    assert not {"index", "gather"} & set(names)
    assert names.count("add_") == 1  # in place: no second [batch, seq, d_model]
    assert "clone" not in names


def test_the_padding_row_among_the_positions_keeps_its_zero_gradient():
    pe = LearnedPositionalEmbedding(6, 4, padding_idx=2)
    pe(6).sum().backward()
    assert pe.weight.grad[:, 0].tolist() == [1, 1, 0, 1, 1, 1]


# ids have no gradient, which the hook tells of
@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
@pytest.mark.parametrize("kind", ["forward", "full backward", "full backward pre"])
def test_hooks_on_the_tokens_see_the_tokens(kind):
    embed = TokenPositionEmbedding(VOCAB, 8, 4, init_std=1.0)
    ids, kept = torch.tensor([[1, 2, 3]]), []
    if kind == "forward":
        embed.token.register_forward_hook(lambda *call: kept.append(call[-1]))
    elif kind == "full backward":
        embed.token.register_full_backward_hook(lambda *call: kept.append(call[-1][0]))
    else:
        embed.token.register_full_backward_pre_hook(lambda *call: kept.append(call[-1][0]))
    got = embed(ids)
    cotangent = torch.randn(got.shape)
    got.backward(cotangent)
    assert torch.equal(kept[0], embed.token.weight[ids] if kind == "forward" else cotangent)
    assert torch.equal(got, embed.token.weight[ids] + embed.position.weight[:3])


@pytest.mark.parametrize("frozen", ["token", "position", "both"])
def test_frozen_tables(frozen):
    embed = TokenPositionEmbedding(VOCAB, 8, 4)
    embed.token.weight.requires_grad_(frozen == "position")
    embed.position.weight.requires_grad_(frozen == "token")
    got = embed(torch.tensor([[1, 2, 3]]))
    assert got.requires_grad == (frozen != "both")
    if frozen != "both":
        got.sum().backward()
        assert (embed.token.weight.grad is None) == (frozen == "token")
        assert (embed.position.weight.grad is None) == (frozen == "position")
