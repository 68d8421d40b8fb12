"""Everything in a pickle is met once, under the names that lead to it."""

import argparse
import collections
import io
import pickle

import torch

from posembed.checkpoint.formats.pickle.file import open_torch
from posembed.checkpoint.formats.pickle.reader import read_nodes
from posembed.checkpoint.formats.pickle.walk import DEEPEST, places


def numbers(value, protocol=2):
    root = read_nodes(io.BytesIO(pickle.dumps(value, protocol)), 0)
    return {".".join(place.names): place.value for place in places(root) if isinstance(place.value, int)}


def test_numbers_in_mappings_and_objects():
    value = {"args": argparse.Namespace(size=224, more={"depth": 12}), "dims": collections.OrderedDict(n_ctx=7), 3: 4}
    assert numbers(value) == {"args.size": 224, "args.more.depth": 12, "dims.n_ctx": 7, "3": 4}


def test_long_lists_of_numbers_are_no_settings():
    assert numbers({"loss": [1, 2, 3]}) == {}


def test_shared_parts_are_walked_through_once():
    part = {"a": 1}
    for _ in range(60):
        part = {"one": part, "other": part}
    assert len(numbers(part)) <= 1


def test_nothing_below_the_deepest_level_and_no_end_in_circles():
    value = {"a": 1}
    for _ in range(DEEPEST + 5):
        value = {"in": value}
    assert numbers(value) == {}
    circle = {"b": 2}
    circle["self"] = circle
    assert numbers(circle) == {"b": 2}


def test_optimizers_are_known_by_name_and_by_their_groups(tmp_path):
    weight = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.ones(3, 2)
    optimizer.step()
    torch.save(
        {"model": {"w": weight}, "adam": optimizer.state_dict(), "lr_schedulers": [{"x": torch.ones(1)}]},
        tmp_path / "a.pt",
    )
    found = {".".join(p.names): p.of_optimizer for p in places(open_torch(tmp_path / "a.pt").root) if p.tensor}
    assert found["model.w"] is False
    assert found["adam.state.0.exp_avg"] is True
    assert found["lr_schedulers.0.x"] is True


def test_ordinary_names_are_no_optimizers():
    names = {"model": {"options_embed": 1, "optical_flow": 2, "adapter": 3, "sampler": 4}}
    root = read_nodes(io.BytesIO(pickle.dumps(names, 2)), 0)
    assert not any(place.of_optimizer for place in places(root))


def test_a_module_shows_its_state_dict(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    torch.save(model, tmp_path / "a.pt")
    found = {".".join(p.names) for p in places(open_torch(tmp_path / "a.pt").root) if p.tensor}
    assert found == set(model.state_dict())


def test_an_ordered_dict_of_python_2():
    code = b"ccollections\nOrderedDict\n((l(lS'a'\naI5\naatR."
    root = read_nodes(io.BytesIO(code), 0)
    assert {place.names: place.value for place in places(root)} == {("a",): 5}
