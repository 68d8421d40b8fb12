import copy
import pickle

import numpy as np
import pytest
import torch

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn import SinusoidalPositionalEmbedding, TokenPositionEmbedding, sinusoidal_rows

VARIANTS = ["interleaved", "half", "fairseq"]
WIDTHS = [1, 2, 3, 4, 5, 8, 61, 64]


def formula(p: int, d: int, variant: str, base: float) -> np.ndarray:
    """One row, one column at a time, from the text of the papers."""
    row = np.zeros(d, dtype=np.float64)
    for column in range(d):
        if variant == "interleaved":
            i, is_cos = divmod(column, 2)
            angle = p / base ** (2 * i / d)
        else:
            h = d // 2
            if column >= 2 * h:
                continue  # an odd width ends with a zero
            is_cos, i = divmod(column, h)
            angle = p / base ** (i / h if variant == "half" else i / max(h - 1, 1))
        row[column] = np.cos(angle) if is_cos else np.sin(angle)
    return row


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("d", WIDTHS)
@pytest.mark.parametrize("base", [10000.0, 500.0])
def test_against_the_formula(variant, d, base):
    positions = [0, 1, 2, 3, 7, 100, 511, 5000]
    expected = np.stack([formula(p, d, variant, base) for p in positions])
    got = sinusoidal_rows(torch.tensor(positions), d, variant=variant, base=base)
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=1e-11)
    pe = SinusoidalPositionalEmbedding(512, d, variant=variant, base=base, dtype=torch.float64)
    np.testing.assert_allclose(pe(torch.tensor(positions)).numpy(), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(pe(4, start=0).numpy(), expected[:4], rtol=0, atol=1e-11)


def test_the_variants_are_different_encodings():
    rows = {variant: sinusoidal_rows(torch.arange(64), 16, variant=variant) for variant in VARIANTS}
    assert (rows["half"] - rows["fairseq"]).abs().max() > 0.4
    columns = torch.arange(16).view(8, 2).T.flatten()  # interleaved and half are each other's columns
    torch.testing.assert_close(rows["interleaved"][:, columns], rows["half"])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_each_value_is_rounded_once(variant, dtype):
    exact = sinusoidal_rows(torch.arange(2048), 33, variant=variant)
    pe = SinusoidalPositionalEmbedding(1024, 33, variant=variant, dtype=dtype)
    assert torch.equal(pe(2048), exact.to(dtype))  # longer than what is cached
    assert torch.equal(pe(1024), exact[:1024].to(dtype))
    assert torch.equal(pe(torch.arange(2048)), exact.to(dtype))


@pytest.mark.parametrize("through", [torch.bfloat16, torch.float16])
def test_casting_there_and_back_carries_no_rounding(through):
    pe = SinusoidalPositionalEmbedding(64, 16)
    expected = pe(64).clone()
    pe.to(through)
    assert pe(64).dtype == through
    assert torch.equal(pe(64), sinusoidal_rows(torch.arange(64), 16).to(through))
    pe.to(torch.float32)
    assert torch.equal(pe(64), expected)
    embed = TokenPositionEmbedding(9, 64, 16, position="sinusoidal").to(through).float()
    assert torch.equal(embed.position(64), expected)


def test_bfloat16_keeps_more_positions_apart_than_computing_in_it():
    pe = SinusoidalPositionalEmbedding(2048, 512, dtype=torch.bfloat16)
    assert pe(2048).unique(dim=0).shape[0] == 2048
    naive = torch.arange(2048, dtype=torch.bfloat16)
    assert naive.unique().numel() < 700  # the positions themselves are already rounded


@pytest.mark.parametrize("start", [0, 5, 8, 100_000, 10_000_000])
def test_any_length(start):
    pe = SinusoidalPositionalEmbedding(8, 6)
    rows = pe(12, start=start)
    assert rows.shape == (12, 6)
    assert torch.equal(rows, pe(torch.arange(start, start + 12)))
    expected = np.stack([formula(p, 6, "interleaved", 10000.0) for p in range(start, start + 12)])
    np.testing.assert_allclose(rows.numpy(), expected, rtol=0, atol=1e-6)


def test_the_cache_changes_no_value():
    cached, computed = SinusoidalPositionalEmbedding(64, 10), SinusoidalPositionalEmbedding(0, 10)
    assert cached.cached.shape == (64, 10)
    assert computed.cached.shape == (0, 10)
    assert torch.equal(cached(64), computed(64))
    before = cached(64).clone()
    cached(3, start=2).mul_(0)
    assert torch.equal(cached(64), before)  # what a caller does with its rows is its own affair


@pytest.mark.parametrize("last", [6, 7, 8, 9])
def test_around_the_end_of_the_cache(last):
    pe = SinusoidalPositionalEmbedding(8, 6)
    expected = sinusoidal_rows(torch.arange(last + 1), 6).float()
    assert torch.equal(pe(last + 1), expected)
    assert torch.equal(pe(1, start=last), expected[last:])
    assert torch.equal(pe(torch.tensor(last)), expected[last])


def test_there_is_nothing_to_train_or_save():
    pe = SinusoidalPositionalEmbedding(8, 6)
    assert list(pe.parameters()) == []
    assert pe.state_dict() == {}
    assert pe.usable_length is None
    embed = TokenPositionEmbedding(9, 8, 6, position="sinusoidal")
    assert list(embed.state_dict()) == ["token.weight"]


def test_from_meta_to_values():
    pe = SinusoidalPositionalEmbedding(8, 6, variant="half", device="meta")
    assert pe(8).is_meta
    assert pe(20).is_meta
    assert pe(torch.arange(20, device="meta")).is_meta
    pe.to_empty(device="cpu")
    assert torch.equal(pe(8), sinusoidal_rows(torch.arange(8), 6, variant="half").float())


def test_the_default_device_is_left_alone():
    with torch.device("meta"):
        pe = SinusoidalPositionalEmbedding(8, 6, device="cpu")
        rows = pe(torch.tensor([3, 20], device="cpu"))
    assert torch.equal(rows, sinusoidal_rows(torch.tensor([3, 20]), 6).float())


def test_copies():
    pe = SinusoidalPositionalEmbedding(8, 6, variant="fairseq", base=99.0, dtype=torch.float64)
    for copied in (copy.deepcopy(pe), pickle.loads(pickle.dumps(pe))):
        assert torch.equal(copied(20), pe(20))
        assert repr(copied) == repr(pe)


def test_repr_is_the_call_that_makes_it():
    for text in ("(8, 6)", "(8, 6, variant='half')", "(8, 6, base=99.0)", "(8, 6, variant='fairseq', base=9.0)"):
        text = "SinusoidalPositionalEmbedding" + text
        assert repr(eval(text)) == text


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_len": -1}, InvalidArgumentError, "max_len=-1 must be at least 0"),
        ({"d_model": 0}, InvalidArgumentError, "d_model=0 must be at least 1"),
        ({"d_model": 2.0}, ArgumentTypeError, "d_model must be a Python int"),
        ({"variant": "sin"}, InvalidArgumentError, "variant='sin' must be one of interleaved, half, fairseq"),
        ({"base": 0.0}, InvalidArgumentError, "base=0.0 must be above 0"),
        ({"base": float("nan")}, InvalidArgumentError, "base=nan must be above 0"),
        ({"dtype": torch.int32}, InvalidArgumentError, "dtype=torch.int32 must be a floating-point type"),
    ],
)
def test_what_cannot_be_built(arguments, error, message):
    with pytest.raises(error, match=message):
        SinusoidalPositionalEmbedding(**({"max_len": 8, "d_model": 6} | arguments))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda pe: pe(-1), InvalidArgumentError, "positions=-1 must be at least 0"),
        (lambda pe: pe(2, start=-1), InvalidArgumentError, "start=-1"),
        (lambda pe: pe(2.0), ArgumentTypeError, "positions must be a Python int"),
        (lambda pe: pe(torch.arange(2), 1), InvalidArgumentError, "start=1 goes with a number of positions"),
        (lambda pe: pe(torch.zeros(2)), ArgumentTypeError, "positions has dtype torch.float32"),
        (lambda pe: pe(torch.tensor([0, -2])), PositionOutOfRangeError, "position -2 is negative"),
    ],
)
def test_what_cannot_be_called(call, error, message):
    with pytest.raises(error, match=message):
        call(SinusoidalPositionalEmbedding(8, 6))
