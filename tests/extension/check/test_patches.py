"""Patches, already cut: their shapes and the arguments that say where they lie."""

from types import SimpleNamespace

import pytest
import torch

from posembed.extension.check.patches import grid_argument, patch_shapes, placed, state_shapes


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


def test_places_of_patches_that_lie_in_the_patches():
    patches = placed(torch.zeros(1, 6, 4), (2, 3), None)
    assert patches[0, :, :2].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]  # row first
    assert placed(torch.zeros(1, 6, 4), (2, 3), 9)[0, -1].tolist() == [9, 9, 0, 0, 0, 0]
    assert int(placed(torch.zeros(1, 6, 4), (2, 3), 0).max()) == 0  # a table of one row


def test_states_of_patches():
    model = SimpleNamespace(config=SimpleNamespace(hidden_size=8))
    assert state_shapes(model, (2, 3)) == [(1, 8, 2, 3), (1, 6, 8), (1, 2, 3, 8)]
