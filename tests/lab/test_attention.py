"""The model's attention against a softmax written out in float64: outputs and every gradient."""

import math

import pytest
import torch

from posembed.lab.attention import attention, plain_attention
from posembed.lab.config import UnitConfig
from posembed.lab.model import LabModel
from posembed.records.compare import ENCODINGS

BATCH, HEADS, LENGTH, WIDTH = 2, 6, 37, 10  # six heads: no power of two for ALiBi; 37 and 10: no round sizes


def turned(x):
    """Each pair (i, i + half) as a complex number, times exp(i · position · frequency)."""
    half = x.shape[-1] // 2
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) * 2 / x.shape[-1])
    angles = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequencies
    pairs = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((pairs.real, pairs.imag), dim=-1)


def naive(q, k, v, encoding, causal):
    """One query at a time: scores, softmax, weighted sum."""
    if encoding == "rope":
        q, k = turned(q), turned(k)
    slopes = [2.0 ** (-8 * (i + 1) / 4) for i in range(4)] + [2.0 ** (-8 * (i + 1) / 8) for i in (0, 2)]
    heads = []
    for head in range(q.shape[1]):
        rows = []
        for i in range(q.shape[2]):
            seen = i + 1 if causal else k.shape[2]
            scores = (k[:, head, :seen] @ q[:, head, i, :, None]).squeeze(-1) / math.sqrt(q.shape[-1])
            if encoding == "alibi":
                scores = scores - slopes[head] * (torch.arange(seen, dtype=q.dtype) - i).abs()
            weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
            rows.append((weights[..., None] * v[:, head, :seen]).sum(dim=1))
        heads.append(torch.stack(rows, dim=1))
    return torch.stack(heads, dim=1)


def gradients(attend, tensors, dtype):
    inputs = [x.to(dtype).requires_grad_() for x in tensors]
    out = attend(*inputs)
    weights = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape).to(dtype)
    return out, torch.autograd.grad((out * weights).sum(), inputs)


def assert_as_naive(attend, encoding, causal, dtype=torch.float32, tolerance=2e-5):
    generator = torch.Generator().manual_seed(0)
    exact = [torch.randn(BATCH, HEADS, LENGTH, WIDTH, generator=generator, dtype=torch.float64) for _ in range(3)]
    exact = [x.to(dtype).double() for x in exact]  # the same numbers on both sides
    expected, expected_grads = gradients(lambda q, k, v: naive(q, k, v, encoding, causal), exact, torch.float64)
    found, grads = gradients(attend, exact, dtype)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    for own, wanted in zip(grads, expected_grads, strict=True):
        scale = wanted.abs().max().item()
        torch.testing.assert_close(own.double(), wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_against_a_naive_softmax(encoding, kind):
    config = UnitConfig(
        encoding=encoding, model=kind, heads=HEADS, d_model=HEADS * WIDTH, train_length=LENGTH, layers=1
    )
    attend = LabModel(config, vocab_size=5)._attend(LENGTH, torch.device("cpu"))
    assert_as_naive(attend, encoding, kind == "decoder")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("form", [attention, plain_attention])
def test_both_forms_in_both_dtypes(form, causal):
    def attend(q, k, v):
        return form(q, k, v, causal=causal)

    assert_as_naive(attend, "none", causal)
    assert_as_naive(attend, "none", causal, torch.bfloat16, 0.04)


@pytest.mark.parametrize("encoding", ["none", "alibi", "rope"])
def test_a_cached_length_is_not_used_for_another(encoding):
    config = UnitConfig(encoding=encoding, heads=2, d_model=8, train_length=8, layers=1)
    made, fresh = LabModel(config, vocab_size=9), LabModel(config, vocab_size=9)
    ids = torch.arange(12).view(1, 12) % 9
    with torch.no_grad():
        made(ids)
        assert torch.equal(made(ids[:, :5]), fresh(ids[:, :5]))
        torch.testing.assert_close(made(ids)[:, :5], made(ids[:, :5]))
