"""Arguments that make up an episode."""

from types import SimpleNamespace

import pytest
import torch

from posembed.extension.check.episodes import episode, episode_argument


def test_which_models_take_one():
    assert episode(["timesteps", "rewards", "states"]) == ("states", "rewards", "timesteps")
    assert episode(["timesteps"]) == episode(["states", "actions"]) == ()  # diffusion; a robot's policy


@pytest.mark.parametrize(
    ("name", "shape"), [("states", (1, 4, 3)), ("actions", (1, 4, 5)), ("rewards", (1, 4, 1)), ("timesteps", (1, 4))]
)
def test_shapes(name, shape):
    config = SimpleNamespace(state_dim=3, act_dim=5)
    assert episode_argument(name, config, 4, None, torch.Generator()).shape == shape


def test_numbers_of_steps():
    steps = [episode_argument("timesteps", None, 3, last, torch.Generator()).tolist() for last in (None, 9, 1)]
    assert steps == [[[0, 1, 2]], [[7, 8, 9]], [[0, 0, 1]]]
