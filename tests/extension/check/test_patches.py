"""Patches, already cut: their shapes and the arguments that say where they lie."""

from types import SimpleNamespace

import pytest
import torch

from posembed.extension.check.patches import grid_argument, patch_shapes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_grid_thw", [[1, 2, 3]]),
        ("spatial_shapes", [[2, 3]]),
        ("target_sizes", [[2, 3]]),
        ("pixel_position_ids", [[[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]]),
    ],
)
def test_where_patches_lie(name, value):
    assert grid_argument(name, (2, 3)).tolist() == value


def test_shapes_of_patches():
    model = torch.nn.Sequential(torch.nn.Linear(5, 2))
    model.config = SimpleNamespace(patch_size=4, num_channels=3, temporal_patch_size=2)
    made = patch_shapes(model, (2, 3))
    assert made == [(6, 96), (1, 6, 48), (6, 3, 4, 4), (1, 6, 3, 4, 4), (6, 48), (1, 3, 4, 24), (6, 5), (1, 6, 5)]
    assert len(patch_shapes(model, (4, 4))) == len(made)
    convolution = torch.nn.Conv2d(3, 2, 4)
    convolution.config = model.config
    assert len(patch_shapes(convolution, (2, 3))) == 6
