import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed.lab.encodings.relative import alibi_bias, rope_tables, rotate

CPU = torch.device("cpu")


def test_rope_is_multiplication_by_a_unit_complex_number():
    length, width = 63, 10
    x = torch.randn(2, 3, length, width)
    turned = rotate(x, *rope_tables(length, width, CPU))
    pairs = x.double().numpy()[..., : width // 2] + 1j * x.double().numpy()[..., width // 2 :]
    for i in range(width // 2):
        angle = np.arange(length) * 10000.0 ** (-2 * i / width)
        expected = pairs[..., i] * np.exp(1j * angle)
        np.testing.assert_allclose(turned[..., i].numpy(), expected.real, atol=2e-6)
        np.testing.assert_allclose(turned[..., i + width // 2].numpy(), expected.imag, atol=2e-6)


def test_rope_keeps_norms_and_the_first_position():
    x = torch.randn(1, 1, 50, 8)
    turned = rotate(x, *rope_tables(50, 8, CPU))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[..., 0, :], x[..., 0, :])
    assert (turned[..., 1:, :] - x[..., 1:, :]).abs().amin(dim=1).max() > 0.1


@given(st.integers(0, 2**31), st.integers(0, 40), st.integers(0, 40), st.integers(0, 400))
def test_rope_products_depend_on_the_distance_alone(seed, m, n, shift):
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, 16, generator=generator)
    cos, sin = rope_tables(m + n + shift + 1, 16, CPU)

    def product(i, j):
        return rotate(q[None], cos[i : i + 1], sin[i : i + 1]) @ rotate(k[None], cos[j : j + 1], sin[j : j + 1]).T

    torch.testing.assert_close(product(m, n), product(m + shift, n + shift), atol=2e-5, rtol=0)


def test_rope_is_computed_exactly_far_out():
    cos, sin = rope_tables(200_001, 4, CPU)
    assert cos.dtype == sin.dtype == torch.float32
    for position in (199_999, 200_000):
        assert cos[position, 0].item() == pytest.approx(np.cos(position), abs=1e-7)
        assert sin[position, 3].item() == pytest.approx(np.sin(position * 0.01), abs=1e-7)


def test_rope_keeps_the_dtype():
    x = torch.randn(1, 7, 8)
    turned = rotate(x.bfloat16(), *rope_tables(7, 8, CPU))
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned.float(), rotate(x, *rope_tables(7, 8, CPU)), atol=0.05, rtol=0.02)


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [  # 8: section 3 of the paper; others: the authors' get_slopes, its values written out
        (1, [1 / 256]),
        (2, [1 / 16, 1 / 256]),
        (4, [1 / 4, 1 / 16, 1 / 64, 1 / 256]),
        (8, [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]),
        (
            12,
            [*(2.0**-i for i in range(1, 9)), 0.70710678, 0.35355339, 0.17677670, 0.08838835],
        ),
        (3, [1 / 16, 1 / 256, 1 / 4]),
    ],
)
def test_alibi_slopes_are_the_published_ones(heads, slopes):
    bias = alibi_bias(heads, 3, CPU, causal=False)
    assert (-bias[:, 1, 0]).tolist() == pytest.approx(slopes, rel=1e-6)


@pytest.mark.parametrize("causal", [False, True])
def test_alibi_against_loops(causal):
    heads, length = 4, 9
    bias = alibi_bias(heads, length, CPU, causal=causal)
    assert (bias.shape, bias.dtype) == ((heads, length, length), torch.float32)
    for head in range(heads):
        slope = 2.0 ** (-8 * (head + 1) / heads)
        for i in range(length):
            for j in range(length):
                expected = float("-inf") if causal and j > i else -slope * abs(i - j)
                assert bias[head, i, j].item() == expected
