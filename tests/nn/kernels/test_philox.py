"""The random bits of dropout: published values, and what makes two implementations agree."""

import pytest
import torch

from posembed.nn.kernels.philox import BITS, keep_mask, philox, threshold

# Random123's known answers for philox4x32-10 (kat_vectors): counters, key, result.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counters", "key", "expected"), KNOWN)
def test_published_answers(counters, key, expected):
    unsigned = key[0] | key[1] << 32
    seed = torch.tensor([unsigned - 2**64 if unsigned >= 2**63 else unsigned])
    assert [int(number) for number in philox(seed, tuple(torch.tensor([c]) for c in counters))] == expected


def test_the_share_of_dropped_elements_is_the_probability():
    for dropout in (0.0, 0.1, 0.5, 0.999):
        kept = keep_mask(torch.tensor([7]), 500, 201, dropout).double().mean().item()
        assert kept == pytest.approx(1 - dropout, abs=0.006)
    assert keep_mask(torch.tensor([7]), 500, 201, 0.0).all()


def test_elements_seeds_and_rows_differ():
    mask = keep_mask(torch.tensor([7]), 64, 64, 0.5)
    assert len({tuple(row.tolist()) for row in (*mask, *mask.T)}) == 128
    assert torch.equal(mask, keep_mask(torch.tensor([7]), 64, 64, 0.5))
    assert not torch.equal(mask, keep_mask(torch.tensor([7 + 2**32]), 64, 64, 0.5))


def test_an_element_does_not_depend_on_the_size():
    """Kernels work on blocks, which are wider and longer than the input."""
    large = keep_mask(torch.tensor([3]), 9, 16, 0.5)
    for rows, width in ((1, 1), (9, 13), (4, 16), (0, 3)):
        assert torch.equal(keep_mask(torch.tensor([3]), rows, width, 0.5), large[:rows, :width])


def test_threshold():
    assert [threshold(p) for p in (0.0, 0.25, 0.5)] == [0, 2 ** (BITS - 2), 2 ** (BITS - 1)]
