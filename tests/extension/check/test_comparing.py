"""What source and copy give is compared up to rounding, and up to the kept positions."""

import pytest
import torch

from posembed.extension.check.comparing import compare, leading
from posembed.extension.check.reading import DoesNotRunError


def test_rounding_is_no_difference():
    compare([torch.ones(3)], [torch.ones(3) + 1e-6], "8 tokens give")
    compare([torch.tensor([float("nan")])], [torch.tensor([float("nan")])], "8 tokens give")
    with pytest.raises(DoesNotRunError, match=r"^8 tokens give other outputs than in the source \(by up to 0\.5\)$"):
        compare([torch.ones(3)], [torch.full((3,), 1.5)], "8 tokens give")
    with pytest.raises(DoesNotRunError, match=r"^8 tokens give an output of shape \[4\], not \[3\]$"):
        compare([torch.ones(3)], [torch.ones(4)], "8 tokens give")


def test_axes_as_long_as_the_table_are_cut():
    old, new = leading([torch.zeros(1, 8, 2)], [torch.zeros(1, 16, 2)], {(8, 16)}, 5)
    assert (old[0].shape, new[0].shape) == ((1, 5, 2), (1, 5, 2))
    old, new = leading([torch.zeros(1, 8, 2)], [torch.zeros(1, 15, 2)], {(8, 16)}, 5)
    assert (old[0].shape, new[0].shape) == ((1, 8, 2), (1, 15, 2))
